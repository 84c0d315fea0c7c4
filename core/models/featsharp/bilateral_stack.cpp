#include "core/models/featsharp/bilateral_stack.h"

#include "core/models/bilateral_filter.h"
#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

namespace vitrine::featsharp {
namespace {

constexpr int64_t kKeyWidth = 32;

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
    return bilateralFilters(keys, rangeTemperature_, sigmaSpatial_);
}

at::Tensor BilateralLevel::forward(const at::Tensor& map, const at::Tensor& picture) const {
    const at::Tensor guidance =
        nn::resizeMap(picture, map.size(2) * factor_, map.size(3) * factor_, "bilinear");
    return enlargedAndFiltered(map, weights(guidance), "bilinear");
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
