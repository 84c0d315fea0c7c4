#include "core/upsampling/frozen_encoder.h"

namespace vitrine {

Result<at::Tensor> FrozenEncoder::look(const at::Tensor& prepared) const {
    const at::NoGradGuard noGrad;
    VITRINE_TRY(const at::Tensor map, features(prepared));
    const std::vector<int64_t> expected{prepared.size(0), featureWidth, grid(), grid()};
    if (map.sizes() != at::IntArrayRef(expected))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected features [{}], found [{}]", fmt::join(expected, ", "),
                                fmt::join(map.sizes(), ", ")),
                    "encoder " + name, "Its patch size or width is not what it says");
    if (!at::isfinite(map).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the encoder gives values that are not finite",
                    "encoder " + name, "Compute in float32, or look at the pictures");
    return map.to(at::kFloat);
}

}  // namespace vitrine
