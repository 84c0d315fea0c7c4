#include "core/models/siglip/siglip_network.h"

#include "core/models/siglip/pooling_head.h"
#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

namespace vitrine::siglip {

SiglipNetwork::SiglipNetwork(torch::nn::Module& root, const SiglipConfig& config) : config_(config) {
    if (config.vision) {
        const VisionConfig& vision = *config.vision;
        const int64_t width = vision.tower.width, patch = vision.patchSize;
        const std::string projection = "vision_model.embeddings.patch_embedding";
        if (vision.naflex) {
            patchLinear_ = nn::registerAt(
                root, projection, std::make_shared<nn::Linear>(vision.channels * patch * patch, width));
        } else {
            nn::ConvOptions options;
            options.kernelHeight = options.kernelWidth = options.stride = patch;
            patchConv_ = nn::registerAt(root, projection,
                                        std::make_shared<nn::Conv2d>(vision.channels, width, options));
        }
        imagePositions_ = nn::parameterAt(root, "vision_model.embeddings.position_embedding.weight",
                                          {vision.storedGrid.height * vision.storedGrid.width, width});
        imageTower_ = std::make_unique<nn::PreNormTower>(root, vision.tower);
        imageNorm_ = nn::registerAt(root, "vision_model.post_layernorm",
                                    std::make_shared<nn::LayerNorm>(width, vision.tower.epsilon));
        if (vision.hasHead)
            head_ = std::make_unique<PoolingHead>(root, "vision_model.head", vision.tower);
        positionCache_ = std::make_unique<nn::PositionCache>(
            vision.storedGrid, vision.naflex ? "bilinear" : "bicubic", vision.naflex);
    }
    if (config.text) {
        const TextConfig& text = *config.text;
        const int64_t width = text.tower.width;
        tokens_ = nn::registerAt(root, "text_model.embeddings.token_embedding",
                                 std::make_shared<nn::Embedding>(text.vocabulary, width));
        textPositions_ = nn::parameterAt(root, "text_model.embeddings.position_embedding.weight",
                                         {text.contextLength, width});
        textTower_ = std::make_unique<nn::PreNormTower>(root, text.tower);
        textNorm_ = nn::registerAt(root, "text_model.final_layer_norm",
                                   std::make_shared<nn::LayerNorm>(width, text.tower.epsilon));
        textHead_ = nn::registerAt(root, "text_model.head",
                                   std::make_shared<nn::Linear>(width, text.projectionWidth));
    }
    if (config.vision && config.text) {
        logitScale_ = nn::parameterAt(root, "logit_scale", {1});
        logitBias_ = nn::parameterAt(root, "logit_bias", {1});
    }
}

SiglipNetwork::~SiglipNetwork() = default;

void SiglipNetwork::finishLoading() {
    if (imageTower_)
        imageTower_->finishLoading();
    if (textTower_)
        textTower_->finishLoading();
}

nn::GridSize SiglipNetwork::gridOf(const at::Tensor& pixels) const {
    return {pixels.size(2) / config_.vision->patchSize, pixels.size(3) / config_.vision->patchSize};
}

ImageResult SiglipNetwork::finish(const at::Tensor& tokens, const at::Tensor& mask,
                                  const nn::TowerRequest& request) const {
    nn::TowerRequest towerRequest = request;
    if (mask.defined())
        towerRequest.mask = nn::attentionMask(mask, false, tokens.scalar_type());
    ImageResult result;
    result.tower = imageTower_->forward(tokens, towerRequest);
    result.normed = imageNorm_->forward(result.tower.last);
    if (head_)
        result.pooled = head_->forward(result.normed, towerRequest.mask);
    else if (mask.defined()) {
        const at::Tensor weights = mask.ne(0).to(result.normed.scalar_type()).unsqueeze(2);
        result.pooled = (result.normed * weights).sum(1) / weights.sum(1).clamp_min(1.0);
    } else
        result.pooled = result.normed.mean(1);
    return result;
}

ImageResult SiglipNetwork::image(const at::Tensor& pixels, const nn::TowerRequest& request) const {
    const nn::GridSize grid = gridOf(pixels);
    at::Tensor tokens;
    if (patchConv_) {
        tokens = nn::tokensFromMap(patchConv_->forward(pixels.to(patchConv_->weight.scalar_type())));
    } else {
        const int64_t patch = config_.vision->patchSize;
        const at::Tensor rows = pixels.to(patchLinear_->weight.scalar_type())
                                    .reshape({pixels.size(0), 3, grid.height, patch, grid.width, patch})
                                    .permute({0, 2, 4, 3, 5, 1})
                                    .reshape({pixels.size(0), grid.height * grid.width, -1});
        tokens = patchLinear_->forward(rows);
    }
    return finish(tokens + positionCache_->resized(imagePositions_, grid), {}, request);
}

ImageResult SiglipNetwork::imagePatches(const PatchBatch& batch, const nn::TowerRequest& request) const {
    const int64_t count = batch.patches.size(1);
    std::vector<at::Tensor> positions;
    for (int64_t i = 0; i < batch.patches.size(0); ++i) {
        const nn::GridSize grid{batch.shapes[i][0].item<int64_t>(), batch.shapes[i][1].item<int64_t>()};
        const at::Tensor table = positionCache_->resized(imagePositions_, grid);
        // Padding rows repeat the first position; they are masked, but their values are part of the output.
        const at::Tensor rest = table.narrow(0, 0, 1).expand({count - table.size(0), -1});
        positions.push_back(at::cat({table, rest}, 0));
    }
    const at::Tensor tokens =
        patchLinear_->forward(batch.patches.to(patchLinear_->weight.scalar_type())) + at::stack(positions);
    return finish(tokens, batch.mask, request);
}

at::Tensor SiglipNetwork::pooledAlone(const at::Tensor& normed) const {
    return head_ ? head_->alone(normed) : normed;
}

TextResult SiglipNetwork::text(const at::Tensor& ids, const at::Tensor& mask,
                               nn::TowerRequest request) const {
    const at::Tensor embedded =
        tokens_->forward(ids.to(at::kLong)) + textPositions_.narrow(0, 0, ids.size(1));
    if (mask.defined())
        request.mask = nn::attentionMask(mask, false, embedded.scalar_type());
    TextResult result;
    result.tower = textTower_->forward(embedded, request);
    result.normed = textNorm_->forward(result.tower.last);
    result.pooled = textHead_->forward(result.normed.select(1, ids.size(1) - 1));
    return result;
}

}  // namespace vitrine::siglip
