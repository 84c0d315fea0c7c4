#include "core/models/sam3/sam3_detector_encoder.h"

namespace vitrine::sam3 {

DetectorEncoder::DetectorEncoder(const StackSizes& sizes) {
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < sizes.depth; ++i)
        layers_.push_back(list->register_module(std::to_string(i), std::make_shared<FusionLayer>(sizes)));
}

at::Tensor DetectorEncoder::forward(const ImageCells& image, const PromptTokens& prompt) const {
    const AttentionBias padding = paddingBias(prompt);
    at::Tensor cells = image.cells;
    for (const auto& layer : layers_)
        cells = layer->forward(cells, image.positions, std::nullopt, prompt.tokens, {}, padding);
    return cells;
}

}  // namespace vitrine::sam3
