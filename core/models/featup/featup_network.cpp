#include "core/models/featup/featup_network.h"

#include "core/models/bilateral_filter.h"
#include "core/models/featup/channel_dropout.h"
#include "core/nn/module_tree.h"

namespace vitrine::featup {
namespace {

constexpr int64_t kKeyWidth = 32;
constexpr double kShare = 0.1;  // of both corrections
constexpr double kLevelDropout = 0.1, kLastDropout = 0.2;
constexpr double kNormEpsilon = 1e-5;

std::shared_ptr<nn::Conv2d> pointwise(int64_t in, int64_t out) {
    return std::make_shared<nn::Conv2d>(in, out, nn::ConvOptions{});
}

}  // namespace

FeatUpLevel::FeatUpLevel() {
    constexpr int64_t taps = kBilateralTaps * kBilateralTaps;
    key1_ = nn::registerAt(*this, "range_proj.0", pointwise(3, kKeyWidth));
    key2_ = nn::registerAt(*this, "range_proj.3", pointwise(kKeyWidth, kKeyWidth));
    fix1_ = nn::registerAt(*this, "fixup_proj.0", pointwise(taps + 3, taps));
    fix2_ = nn::registerAt(*this, "fixup_proj.3", pointwise(taps, taps));
    rangeTemperature_ = register_parameter("range_temp", at::zeros({}));
    sigmaSpatial_ = register_parameter("sigma_spatial", at::ones({}));
}

at::Tensor FeatUpLevel::forward(const at::Tensor& source, const at::Tensor& guidance,
                                const at::Generator* dropout) const {
    const at::Tensor hidden = withoutChannels(at::gelu(key1_->forward(guidance)), kLevelDropout, dropout);
    const at::Tensor filters = bilateralFilters(key2_->forward(hidden), rangeTemperature_, sigmaSpatial_);
    const at::Tensor taps = filters.flatten(3).permute({0, 3, 1, 2});
    const at::Tensor inner =
        withoutChannels(at::gelu(fix1_->forward(at::cat({taps, guidance}, 1))), kLevelDropout, dropout);
    const at::Tensor corrected = (taps + kShare * fix2_->forward(inner)).permute({0, 2, 3, 1});
    return enlargedAndFiltered(source, corrected.contiguous().view(filters.sizes()), "bicubic");
}

FeatUpNetwork::FeatUpNetwork(torch::nn::Module& root, const FeatUpConfig& config) : config_(config) {
    for (int64_t level = 1; level <= config.levelCount; ++level)
        levels_.push_back(
            nn::registerAt(root, fmt::format("upsampler.up{}", level), std::make_shared<FeatUpLevel>()));
    last_ =
        nn::registerAt(root, "upsampler.fixup_proj.1", pointwise(config.featureWidth, config.featureWidth));
    if (config.normalized)
        norm_ = nn::registerAt(root, "model.1.norm",
                               std::make_shared<nn::LayerNorm2d>(config.featureWidth, kNormEpsilon));
}

at::Tensor FeatUpNetwork::prepared(const at::Tensor& features) const {
    return norm_ ? norm_->forward(features) : features;
}

at::Tensor FeatUpNetwork::forward(const at::Tensor& features, const at::Tensor& picture,
                                  const at::Generator* dropout) const {
    at::Tensor map = features;
    for (const auto& level : levels_) {
        const at::Tensor guidance = at::adaptive_avg_pool2d(picture, {2 * map.size(2), 2 * map.size(3)});
        map = level->forward(map, guidance, dropout);
    }
    return map + kShare * last_->forward(withoutChannels(map, kLastDropout, dropout));
}

}  // namespace vitrine::featup
