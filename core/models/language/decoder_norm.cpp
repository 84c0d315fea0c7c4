#include "core/models/language/decoder_block.h"
#include "core/models/language/rms_norm.h"

namespace vitrine {

DecoderNorm::DecoderNorm(NormKind kind, int64_t width, double epsilon) : kind_(kind), epsilon_(epsilon) {
    weight = register_parameter("weight", at::empty({width}, at::kFloat));
    if (kind == NormKind::LayerNorm1P)
        bias = register_parameter("bias", at::empty({width}, at::kFloat));
}

at::Tensor DecoderNorm::forward(const at::Tensor& x) const {
    return normForward_ ? normForward_(x, *this) : own(x);
}

at::Tensor DecoderNorm::own(const at::Tensor& x) const {
    if (kind_ == NormKind::LayerNorm1P)
        return at::layer_norm(x, {weight.size(0)}, weight + 1, bias, epsilon_);
    return rmsNorm(x, weight, epsilon_);
}

}  // namespace vitrine
