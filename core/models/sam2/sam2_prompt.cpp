#include "core/models/sam2/sam2_prompt.h"

#include "core/nn/functional.h"

namespace vitrine::sam2 {

PromptEncoder::PromptEncoder(const sam::PromptSizes& s)
    : sizes(s), activation_(nn::activationByName(s.activation)) {
    positions_ = register_module("shared_embedding", std::make_shared<sam::PositionalEmbedding>(s.width / 2));
    pointKinds_ = register_module("point_embed", std::make_shared<nn::Embedding>(s.pointKinds, s.width));
    notAPoint_ = register_module("not_a_point_embed", std::make_shared<nn::Embedding>(1, s.width));
    noMask_ = register_module("no_mask_embed", std::make_shared<nn::Embedding>(1, s.width));
    auto mask = register_module("mask_embed", std::make_shared<torch::nn::Module>());
    const nn::ConvOptions halving{.kernelHeight = 2, .kernelWidth = 2, .stride = 2};
    const int64_t first = s.maskChannels / 4, second = s.maskChannels;
    conv1_ = mask->register_module("conv1", std::make_shared<nn::Conv2d>(1, first, halving));
    norm1_ =
        mask->register_module("layer_norm1", std::make_shared<nn::LayerNorm2d>(first, s.layerNormEpsilon));
    conv2_ = mask->register_module("conv2", std::make_shared<nn::Conv2d>(first, second, halving));
    norm2_ =
        mask->register_module("layer_norm2", std::make_shared<nn::LayerNorm2d>(second, s.layerNormEpsilon));
    conv3_ = mask->register_module("conv3", std::make_shared<nn::Conv2d>(second, s.width, nn::ConvOptions{}));
}

at::Tensor PromptEncoder::embedPoints(at::Tensor points, at::Tensor labels, bool pad) const {
    points = points + 0.5;  // to the pixel's centre
    if (pad) {
        // Without a box, one more token says "no box": a point that is none.
        points = at::constant_pad_nd(points, {0, 0, 0, 1});
        labels = at::constant_pad_nd(labels, {0, 1}, -1);
    }
    at::Tensor embedded = positions_->forward(points / double(sizes.imageSize));
    const at::Tensor kind = labels.to(at::kLong).unsqueeze(-1);
    embedded = at::where(kind == -1, notAPoint_->weight, embedded);
    embedded = at::where(kind == -10, at::zeros_like(embedded), embedded);
    const at::Tensor kinds = pointKinds_->forward(kind.squeeze(-1).clamp(0, sizes.pointKinds - 1));
    return at::where(kind >= 0, embedded + kinds, embedded);
}

at::Tensor PromptEncoder::embedBoxes(const at::Tensor& boxes) const {
    const int64_t batch = boxes.size(0), count = boxes.size(1);
    const at::Tensor corners = (boxes + 0.5).reshape({batch, count, 2, 2});
    // Kinds 2 and 3 of the table are the two corners.
    const at::Tensor embedded =
        positions_->forward(corners / double(sizes.imageSize)) + pointKinds_->weight.slice(0, 2, 4);
    return at::cat({embedded, notAPoint_->weight.expand({batch, count, 1, sizes.width})}, 2);
}

at::Tensor PromptEncoder::sparse(const sam::Prompts& prompts, int64_t batch) const {
    const bool hasBoxes = prompts.boxes.defined();
    std::vector<at::Tensor> parts;
    if (prompts.points.defined()) {
        const at::Tensor labels =
            prompts.labels.defined() ? prompts.labels : at::ones_like(prompts.points.select(-1, 0));
        parts.push_back(embedPoints(prompts.points, labels, !hasBoxes));
    } else if (!hasBoxes) {
        const auto options = notAPoint_->weight.options();
        parts.push_back(
            embedPoints(at::zeros({batch, 1, 1, 2}, options), at::full({batch, 1, 1}, -1, options), true));
    }
    if (hasBoxes)
        parts.push_back(embedBoxes(prompts.boxes));
    return at::cat(parts, 2);
}

at::Tensor PromptEncoder::dense(const sam::Prompts& prompts, int64_t batch) const {
    const int64_t grid = sizes.imageSize / sizes.patchSize;
    if (!prompts.masks.defined())
        return noMask_->weight.reshape({1, -1, 1, 1}).expand({batch, sizes.width, grid, grid});
    at::Tensor mask = prompts.masks.to(noMask_->weight.scalar_type());
    if (mask.size(2) != 4 * grid || mask.size(3) != 4 * grid)
        mask = nn::resizeMap(mask, 4 * grid, 4 * grid, "bilinear", true);
    const at::Tensor half = activation_(norm1_->forward(conv1_->forward(mask)));
    return conv3_->forward(activation_(norm2_->forward(conv2_->forward(half))));
}

}  // namespace vitrine::sam2
