#include "core/models/sam3/sam3_geometry_encoder.h"

#include "core/models/sam/sine_positions.h"
#include "core/nn/pre_norm_tower.h"
#include "core/nn/roi_align.h"

#include <numbers>

namespace vitrine::sam3 {
namespace {

constexpr int64_t kPaddingLabel = -10;

at::Tensor validOf(const PromptTokens& prompt) {
    return prompt.valid.defined()
               ? prompt.valid.to(at::kBool)
               : at::ones(prompt.tokens.sizes().slice(0, 2), prompt.tokens.options().dtype(at::kBool));
}

}  // namespace

PromptTokens joined(const PromptTokens& first, const PromptTokens& second) {
    PromptTokens both{at::cat({first.tokens, second.tokens}, 1), {}};
    if (first.valid.defined() || second.valid.defined())
        both.valid = at::cat({validOf(first), validOf(second)}, 1);
    return both;
}

AttentionBias paddingBias(const PromptTokens& prompt) {
    if (!prompt.valid.defined())
        return std::nullopt;
    return nn::attentionMask(prompt.valid, false, prompt.tokens.scalar_type());
}

GeometryEncoder::GeometryEncoder(const DetectorSizes& s) : width_(s.width()), poolSide_(s.boxPoolSide) {
    const auto norm = [&](const char* name) {
        return register_module(name, std::make_shared<nn::LayerNorm>(width_, kDetectorNormEpsilon));
    };
    labelKinds_ = register_module("label_embed", std::make_shared<nn::Embedding>(2, width_));
    classToken_ = register_module("cls_embed", std::make_shared<nn::Embedding>(1, width_));
    direct_ = register_module("boxes_direct_project", std::make_shared<nn::Linear>(4, width_));
    pooled_ = register_module(
        "boxes_pool_project",
        std::make_shared<nn::Conv2d>(width_, width_,
                                     nn::ConvOptions{.kernelHeight = poolSide_, .kernelWidth = poolSide_}));
    positions_ = register_module("boxes_pos_enc_project", std::make_shared<nn::Linear>(width_ + 2, width_));
    imageNorm_ = norm("vision_layer_norm");
    finalProjection_ = register_module("final_proj", std::make_shared<nn::Linear>(width_, width_));
    promptNorm_ = norm("prompt_layer_norm");
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < s.geometry.depth; ++i)
        layers_.push_back(
            list->register_module(std::to_string(i), std::make_shared<FusionLayer>(s.geometry)));
    outputNorm_ = norm("output_layer_norm");
}

// What a box is: its numbers, what the picture shows inside, where it lies, and whether it is wanted.
at::Tensor GeometryEncoder::embedBoxes(const at::Tensor& boxes, const at::Tensor& labels,
                                       const at::Tensor& map) const {
    const at::Tensor normed = imageNorm_->forward(map.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
    const double height = double(map.size(2)), width = double(map.size(3));
    const at::Tensor cells = at::tensor({width, height, width, height}, boxes.options());
    const at::Tensor inside = nn::roiAlign(normed, cornersOf(boxes) * cells, poolSide_);
    const at::Tensor shown = pooled_->forward(inside.flatten(0, 1)).reshape({boxes.size(0), -1, width_});

    // y before x and height before width: the order of the checkpoint.
    const at::Tensor centre = boxes.narrow(-1, 0, 2).flip(-1), size = boxes.narrow(-1, 2, 2).flip(-1);
    const at::Tensor sines = sam::sinesOf(centre * (2 * std::numbers::pi), width_ / 2).flatten(-2);
    const auto type = map.scalar_type();
    const at::Tensor kinds = labelKinds_->forward(labels.to(at::kLong).clamp(0, 1));
    return kinds + direct_->forward(boxes.to(type)) + shown +
           positions_->forward(at::cat({sines, size}, -1).to(type));
}

PromptTokens GeometryEncoder::forward(const at::Tensor& boxes, const at::Tensor& labels,
                                      const ImageCells& image) const {
    const at::Tensor examples = embedBoxes(boxes.to(at::kFloat), labels, image.map);
    // Prompt tokens carry no order, so the token of the whole may follow padding.
    PromptTokens prompt = joined({examples, labels.ne(kPaddingLabel)},
                                 {classToken_->weight.expand({boxes.size(0), 1, width_}), {}});
    prompt.tokens = promptNorm_->forward(finalProjection_->forward(prompt.tokens));
    const AttentionBias padding = paddingBias(prompt);
    for (const auto& layer : layers_)
        prompt.tokens =
            layer->forward(prompt.tokens, {}, padding, image.cells, image.positions, std::nullopt);
    prompt.tokens = outputNorm_->forward(prompt.tokens);
    return prompt;
}

}  // namespace vitrine::sam3
