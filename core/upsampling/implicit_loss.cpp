#include "core/upsampling/implicit_loss.h"

namespace vitrine {

at::Tensor magnitudeOf(const at::Tensor& map) {
    constexpr double kTiny = 1e-12;
    return (map.square().sum(1, true) + kTiny).sqrt();
}

at::Tensor magnitudeLoss(const at::Tensor& downsampled, const at::Tensor& target) {
    return (downsampled - magnitudeOf(target)).square().mean();
}

at::Tensor magnitudeVariation(const at::Tensor& magnitude) {
    const auto jumps = [&](int64_t axis) {
        const int64_t size = magnitude.size(axis);
        return (magnitude.narrow(axis, 1, size - 1) - magnitude.narrow(axis, 0, size - 1)).square().sum();
    };
    return (jumps(2) + jumps(3)) / double(magnitude.numel());
}

at::Tensor blurPinLoss(const at::Tensor& map, const at::Tensor& blurred) {
    return (blurred - map).square().mean();
}

}  // namespace vitrine
