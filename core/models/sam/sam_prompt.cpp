#include "core/models/sam/sam_prompt.h"

#include <numbers>

namespace vitrine::sam {

PositionalEmbedding::PositionalEmbedding(int64_t featureCount) {
    // A buffer in the reference: stored, never trained.
    frequencies_ = register_buffer("positional_embedding", at::empty({2, featureCount}));
}

at::Tensor PositionalEmbedding::forward(const at::Tensor& coordinates) const {
    const at::Tensor centred = (2 * coordinates - 1).to(frequencies_.scalar_type());
    const at::Tensor angles = at::matmul(centred, frequencies_) * (2 * std::numbers::pi);
    return at::cat({angles.sin(), angles.cos()}, -1);
}

at::Tensor PositionalEmbedding::grid(int64_t height, int64_t width) const {
    const auto options = frequencies_.options();
    const at::Tensor y = (at::arange(height, options) + 0.5) / double(height);
    const at::Tensor x = (at::arange(width, options) + 0.5) / double(width);
    const at::Tensor coordinates =
        at::stack({x.unsqueeze(0).expand({height, width}), y.unsqueeze(1).expand({height, width})}, -1);
    return forward(coordinates).permute({2, 0, 1}).unsqueeze(0);
}

Result<PromptSizes> promptSizesFrom(const Json& config) {
    PromptSizes sizes;
    const std::string where = "config.json: prompt_encoder_config";
    VITRINE_TRY(sizes.width, jsonValueOr<int64_t>(config, "hidden_size", 256, where));
    VITRINE_TRY(sizes.imageSize, jsonValueOr<int64_t>(config, "image_size", 1024, where));
    VITRINE_TRY(sizes.patchSize, jsonValueOr<int64_t>(config, "patch_size", 16, where));
    VITRINE_TRY(sizes.maskChannels, jsonValueOr<int64_t>(config, "mask_input_channels", 16, where));
    VITRINE_TRY(sizes.pointKinds, jsonValueOr<int64_t>(config, "num_point_embeddings", 4, where));
    VITRINE_TRY(sizes.layerNormEpsilon, jsonValueOr<double>(config, "layer_norm_eps", 1e-6, where));
    VITRINE_TRY(sizes.activation, jsonValueOr<std::string>(config, "hidden_act", "gelu", where));
    if (!nn::isActivation(sizes.activation) || sizes.maskChannels < 4 || sizes.pointKinds < 4)
        return fail(ErrorCode::Unsupported,
                    "unknown activation, or fewer mask channels or point kinds than the decoder needs",
                    where);
    return sizes;
}

PromptEncoder::PromptEncoder(const PromptSizes& s, std::shared_ptr<PositionalEmbedding> positions)
    : sizes(s), positions_(std::move(positions)), activation_(nn::activationByName(s.activation)) {
    auto kinds = register_module("point_embed", std::make_shared<torch::nn::Module>());
    for (int64_t kind = 0; kind < s.pointKinds; ++kind)
        pointKinds_.push_back(
            kinds->register_module(std::to_string(kind), std::make_shared<nn::Embedding>(1, s.width)));
    notAPoint_ = register_module("not_a_point_embed", std::make_shared<nn::Embedding>(1, s.width));
    noMask_ = register_module("no_mask_embed", std::make_shared<nn::Embedding>(1, s.width));
    auto mask = register_module("mask_embed", std::make_shared<torch::nn::Module>());
    const nn::ConvOptions halving{.kernelHeight = 2, .kernelWidth = 2, .stride = 2};
    conv1_ = mask->register_module("conv1", std::make_shared<nn::Conv2d>(1, s.maskChannels / 4, halving));
    norm1_ = mask->register_module("layer_norm1",
                                   std::make_shared<nn::LayerNorm2d>(s.maskChannels / 4, s.layerNormEpsilon));
    conv2_ = mask->register_module("conv2",
                                   std::make_shared<nn::Conv2d>(s.maskChannels / 4, s.maskChannels, halving));
    norm2_ = mask->register_module("layer_norm2",
                                   std::make_shared<nn::LayerNorm2d>(s.maskChannels, s.layerNormEpsilon));
    conv3_ = mask->register_module("conv3",
                                   std::make_shared<nn::Conv2d>(s.maskChannels, s.width, nn::ConvOptions{}));
}

at::Tensor PromptEncoder::embedPoints(at::Tensor points, at::Tensor labels, bool pad) const {
    points = points + 0.5;  // to the pixel's centre
    if (pad) {
        // Without a box, one more token says "no box": a point that is none.
        points = at::cat({points, at::zeros({points.size(0), points.size(1), 1, 2}, points.options())}, 2);
        labels = at::cat({labels, at::full({labels.size(0), labels.size(1), 1}, -1, labels.options())}, 2);
    }
    at::Tensor embedded = positions_->forward(points / double(sizes.imageSize));
    const at::Tensor kind = labels.unsqueeze(-1);
    embedded = at::where(kind == -1, notAPoint_->weight, embedded);
    embedded = at::where(kind == -10, at::zeros_like(embedded), embedded);
    embedded = at::where(kind == 0, embedded + pointKinds_[0]->weight, embedded);
    return at::where(kind == 1, embedded + pointKinds_[1]->weight, embedded);
}

at::Tensor PromptEncoder::embedBoxes(const at::Tensor& boxes) const {
    const at::Tensor corners = (boxes + 0.5).reshape({boxes.size(0), boxes.size(1), 2, 2});
    const at::Tensor kinds = at::stack({pointKinds_[2]->weight[0], pointKinds_[3]->weight[0]});
    return positions_->forward(corners / double(sizes.imageSize)) + kinds;
}

at::Tensor PromptEncoder::sparse(const Prompts& prompts) const {
    std::vector<at::Tensor> parts;
    if (prompts.points.defined())
        parts.push_back(embedPoints(prompts.points, prompts.labels, !prompts.boxes.defined()));
    if (prompts.boxes.defined())
        parts.push_back(embedBoxes(prompts.boxes));
    return parts.empty() ? at::Tensor() : at::cat(parts, 2);
}

at::Tensor PromptEncoder::dense(const Prompts& prompts, int64_t batch) const {
    if (prompts.masks.defined()) {
        const at::Tensor half = activation_(norm1_->forward(conv1_->forward(prompts.masks)));
        return conv3_->forward(activation_(norm2_->forward(conv2_->forward(half))));
    }
    const int64_t grid = sizes.imageSize / sizes.patchSize;
    return noMask_->weight.reshape({1, -1, 1, 1}).expand({batch, sizes.width, grid, grid});
}

}  // namespace vitrine::sam
