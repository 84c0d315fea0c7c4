#include "core/nn/fused.h"

#include "kernels/few_rows_linear/few_rows_linear.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

namespace vitrine::nn {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using FusedSignature = at::Tensor(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias,
                                  std::string_view after, c10::List<std::optional<at::Scalar>> scalars,
                                  std::optional<std::string_view> algorithm);
using FusedLinear = c10::TypedOperatorHandle<FusedSignature>;

// oneDNN gains where it applies the activation on the way, and for few rows with a bias, which BLAS adds in a
// pass of its own; below the first number a product is bound by reading the weight, and BLAS starts quicker.
constexpr int64_t kFewestRows = 128, kMostPlainRows = 256;
// Up to this our own kernel reads the weight quicker than BLAS does.
constexpr int64_t kFewRows = 4;

// What LibTorch calls oneDNN's linear layer; absent from builds without oneDNN.
const std::optional<FusedLinear>& fusedLinear() {
    static const std::optional<FusedLinear> kOperator = []() -> std::optional<FusedLinear> {
        const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
        if (!found || !at::hasMKLDNN())
            return std::nullopt;
        return found->typed<FusedSignature>();
    }();
    return kOperator;
}

struct FusedName {
    std::string_view after, algorithm;
};

std::optional<FusedName> fusedName(Activation activation) {
    if (!activation)
        return FusedName{"none", ""};
    if (activation == activationByName("gelu"))
        return FusedName{"gelu", "none"};
    if (activation == activationByName("gelu_pytorch_tanh"))
        return FusedName{"gelu", "tanh"};
    if (activation == activationByName("relu"))
        return FusedName{"relu", ""};
    return std::nullopt;
}

bool isPlain(const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided;
}

bool recordsGradient(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    return at::GradMode::is_enabled() &&
           (x.requires_grad() || weight.requires_grad() || (bias.defined() && bias.requires_grad()));
}

// Float32 on the CPU with nothing to differentiate.
bool isPlainProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    return isPlain(x) && isPlain(weight) && weight.dim() == 2 && weight.is_contiguous() && x.dim() >= 2 &&
           x.size(-1) == weight.size(1) && x.size(-1) > 0 && !recordsGradient(x, weight, bias);
}

at::Tensor fewRowsLinear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const at::Tensor input = x.contiguous(), offset = bias.defined() ? bias.contiguous() : bias;
    std::vector<int64_t> shape = x.sizes().vec();
    shape.back() = weight.size(0);
    at::Tensor y = at::empty(shape, x.options());
    kernels::fewRowsLinearCpu({input.const_data_ptr<float>(), weight.const_data_ptr<float>(),
                               offset.defined() ? offset.const_data_ptr<float>() : nullptr,
                               y.mutable_data_ptr<float>(), x.numel() / x.size(-1), x.size(-1),
                               weight.size(0)});
    return y;
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  Activation activation) {
    const bool plain = isPlainProduct(x, weight, bias);
    const int64_t rows = plain ? x.numel() / x.size(-1) : 0;
    if (plain && rows >= kFewestRows && fusedLinear()) {
        const auto fused = fusedName(activation);
        if ((activation && fused) || (bias.defined() && rows <= kMostPlainRows)) {
            const FusedName name = fused.value_or(FusedName{"none", ""});
            const at::Tensor y = fusedLinear()->call(
                x.contiguous(), weight, bias.defined() ? OptionalTensor(bias) : std::nullopt, name.after,
                c10::List<std::optional<at::Scalar>>(), name.algorithm);
            return fused ? y : activation(y);
        }
    }
    const bool few = plain && rows >= 1 && rows <= kFewRows && (!bias.defined() || isPlain(bias));
    const at::Tensor y = few ? fewRowsLinear(x, weight, bias) : at::linear(x, weight, bias);
    return activation ? activation(y) : y;
}

at::Tensor addBranch(const at::Tensor& residual, const at::Tensor& branch, const at::Tensor& scale) {
    return scale.defined() ? at::addcmul(residual, branch, scale) : branch.add_(residual);
}

}  // namespace vitrine::nn
