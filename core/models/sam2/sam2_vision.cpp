#include "core/models/sam2/sam2_vision.h"

#include "core/nn/functional.h"

#include <algorithm>
#include <numbers>

namespace vitrine::sam2 {
namespace {

constexpr double kTemperature = 10000, kEpsilon = 1e-6;

// Sines and cosines of one coordinate 1..length scaled to (0, 2π]: (length, features), a sine and a cosine
// per frequency in turn.
at::Tensor sineOfAxis(int64_t length, int64_t features, const at::TensorOptions& options) {
    const at::Tensor coordinate =
        at::arange(1, length + 1, options) / (double(length) + kEpsilon) * (2 * std::numbers::pi);
    const at::Tensor exponent = at::arange(features / 2, options) * (2.0 / double(features));
    const at::Tensor angles =
        coordinate.unsqueeze(1) / at::pow(at::Scalar(kTemperature), exponent).unsqueeze(0);
    return at::stack({angles.sin(), angles.cos()}, 2).flatten(1);
}

// Positions of a map (B, C, h, w): the first half of the channels for y, the second for x.
at::Tensor sinePositions(const at::Tensor& map) {
    const int64_t half = map.size(1) / 2, height = map.size(2), width = map.size(3);
    const auto options = map.options().dtype(at::kFloat);
    const at::Tensor y = sineOfAxis(height, half, options).t().reshape({1, half, height, 1});
    const at::Tensor x = sineOfAxis(width, half, options).t().reshape({1, half, 1, width});
    const std::vector<int64_t> shape{map.size(0), half, height, width};
    return at::cat({y.expand(shape), x.expand(shape)}, 1).to(map.scalar_type());
}

}  // namespace

VisionEncoderModule::VisionEncoderModule(const VisionSizes& s) : sizes(s) {
    backbone_ = register_module("backbone", std::make_shared<Hiera>(s.backbone));
    auto neck = register_module("neck", std::make_shared<torch::nn::Module>());
    auto list = neck->register_module("convs", std::make_shared<torch::nn::Module>());
    const nn::ConvOptions options{
        .kernelHeight = s.kernel, .kernelWidth = s.kernel, .stride = s.stride, .padding = s.padding};
    for (size_t i = 0; i < s.channels.size(); ++i)
        lateral_.push_back(list->register_module(
            std::to_string(i), std::make_shared<nn::Conv2d>(s.channels[i], s.width, options)));
}

VisionOutput VisionEncoderModule::forward(const at::Tensor& pixels) const {
    VisionOutput output;
    output.states = backbone_->hiddenStates(pixels);
    const size_t last = lateral_.size() - 1;
    const auto& topDown = sizes.topDownLevels;
    std::vector<at::Tensor> levels(lateral_.size());
    for (size_t i = 0; i <= last; ++i) {
        const size_t stage = last - i;  // from the coarsest to the finest
        const at::Tensor& state = output.states[backbone_->stageEnd(stage)];
        at::Tensor level = lateral_[i]->forward(state.permute({0, 3, 1, 2}));
        if (stage != last && std::find(topDown.begin(), topDown.end(), int64_t(stage)) != topDown.end())
            level = level + nn::resizeMap(levels[stage + 1], level.size(2), level.size(3), "nearest");
        levels[stage] = level;
    }
    // The coarsest stages beyond the wanted number only feed the others.
    levels.resize(size_t(sizes.levelCount));
    for (const at::Tensor& level : levels)
        output.positions.push_back(sinePositions(level));
    output.levels = std::move(levels);
    return output;
}

}  // namespace vitrine::sam2
