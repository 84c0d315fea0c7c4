#include "core/models/sam2/sam2_vision.h"

#include "core/models/sam/sine_positions.h"
#include "core/nn/functional.h"

#include <algorithm>

namespace vitrine::sam2 {
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
        output.positions.push_back(sam::sinePositions(level));
    output.levels = std::move(levels);
    return output;
}

}  // namespace vitrine::sam2
