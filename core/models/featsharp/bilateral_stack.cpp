#include "core/models/featsharp/bilateral_stack.h"

#include "core/nn/functional.h"
#include "core/nn/module_tree.h"
#include "kernels/operators.h"

#include <algorithm>

namespace vitrine::featsharp {
namespace {

constexpr int64_t kRadius = 3, kKeyWidth = 32, kTaps = 2 * kRadius + 1;
// Channels are filtered in groups of about this size: enlarged copies of the whole map would be the peak.
constexpr int64_t kChunkElements = int64_t(1) << 22;

std::shared_ptr<nn::Conv2d> pointwise(int64_t in, int64_t out) {
    return std::make_shared<nn::Conv2d>(in, out, nn::ConvOptions{});
}

}  // namespace

BilateralLevel::BilateralLevel(int64_t factor) : factor_(factor) {
    first_ = nn::registerAt(*this, "range_proj.0", pointwise(3, kKeyWidth));
    second_ = nn::registerAt(*this, "range_proj.2", pointwise(kKeyWidth, kKeyWidth));
    // At their start values (0, 1): softmax of the plain products, a nearly flat spatial kernel.
    rangeTemperature_ = register_parameter("range_temp", at::zeros({}));
    rangeAlpha_ = register_parameter("range_alpha", at::zeros({}));
    spatialAlpha_ = register_parameter("spatial_alpha", at::zeros({}));
    sigmaSpatial_ = register_parameter("sigma_spatial", at::ones({}));
}

at::Tensor BilateralLevel::weights(const at::Tensor& guidance) const {
    const at::Tensor keys = second_->forward(at::gelu(first_->forward(guidance)));
    const at::Tensor products = kernels::neighbourProducts(keys, kernels::padReflected(keys, kRadius));
    const at::Tensor temperature = rangeTemperature_.exp().clamp(1e-4, 1e4);
    const at::Tensor range = (products * temperature).flatten(3).softmax(3);
    const at::Tensor axis = at::linspace(-1, 1, kTaps, keys.options());
    const at::Tensor square = (axis.square().unsqueeze(1) + axis.square().unsqueeze(0)).flatten();
    const at::Tensor combined = range * (-square / (2 * sigmaSpatial_.square())).exp();
    return (combined / combined.sum(3, true).clamp_min(1e-7)).unflatten(3, {kTaps, kTaps}).contiguous();
}

at::Tensor BilateralLevel::forward(const at::Tensor& map, const at::Tensor& picture) const {
    const int64_t height = map.size(2) * factor_, width = map.size(3) * factor_, channels = map.size(1);
    const at::Tensor filters = weights(nn::resizeMap(picture, height, width, "bilinear"));
    const auto filtered = [&](const at::Tensor& part) {
        const at::Tensor larger = at::upsample_bilinear2d(part, {height, width}, false);
        return kernels::adaptiveConv(kernels::padReflected(larger, kRadius), filters);
    };
    const int64_t chunk = std::max<int64_t>(1, kChunkElements / (map.size(0) * height * width));
    if (at::GradMode::is_enabled() || chunk >= channels)
        return filtered(map);
    at::Tensor out = at::empty({map.size(0), channels, height, width}, map.options());
    for (int64_t first = 0; first < channels; first += chunk) {
        const int64_t count = std::min(chunk, channels - first);
        out.narrow(1, first, count).copy_(filtered(map.narrow(1, first, count)));
    }
    return out;
}

BilateralStack::BilateralStack(const std::vector<int64_t>& factors) {
    for (size_t i = 0; i < factors.size(); ++i)
        levels_.push_back(
            nn::registerAt(*this, "ups." + std::to_string(i), std::make_shared<BilateralLevel>(factors[i])));
}

at::Tensor BilateralStack::forward(at::Tensor map, const at::Tensor& picture) const {
    for (const auto& level : levels_)
        map = level->forward(map, picture);
    return map;
}

}  // namespace vitrine::featsharp
