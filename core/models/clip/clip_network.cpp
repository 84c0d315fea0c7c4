#include "core/models/clip/clip_network.h"

#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

namespace vitrine::clip {

ClipNetwork::ClipNetwork(torch::nn::Module& root, const ClipConfig& config) : config_(config) {
    const auto projection = [&](const std::string& name, int64_t width) {
        if (!config.hasProjections)
            return at::Tensor();
        return config.transposedProjections ? nn::parameterAt(root, name, {width, config.embeddingWidth})
                                            : nn::parameterAt(root, name, {config.embeddingWidth, width});
    };
    if (config.vision) {
        const VisionConfig& vision = *config.vision;
        const int64_t width = vision.tower.width;
        const nn::GridSize grid = vision.storedGrid();
        classToken_ = nn::parameterAt(root, vision.classToken, {width});
        nn::ConvOptions patch;
        patch.kernelHeight = patch.kernelWidth = patch.stride = vision.patchSize.height;
        patch.bias = false;
        patches_ = nn::registerAt(root, vision.patchProjection,
                                  std::make_shared<nn::Conv2d>(vision.channels, width, patch));
        imagePositions_ = nn::parameterAt(root, vision.positions, {grid.height * grid.width + 1, width});
        const auto norm = [&](const std::string& name) {
            return nn::registerAt(root, name, std::make_shared<nn::LayerNorm>(width, vision.tower.epsilon));
        };
        if (vision.preNorm)
            preNorm_ = norm(vision.preNormName);
        imageTower_ = std::make_unique<nn::PreNormTower>(root, vision.tower);
        postNorm_ = norm(vision.postNormName);
        imageProjection_ = projection(vision.projection, width);
        positionCache_ = std::make_unique<nn::PositionCache>(grid, "bicubic", vision.antialiasPositions);
    }
    if (config.text) {
        const TextConfig& text = *config.text;
        const int64_t width = text.tower.width;
        tokens_ = nn::registerAt(root, text.tokens, std::make_shared<nn::Embedding>(text.vocabulary, width));
        textPositions_ = nn::parameterAt(root, text.positions, {text.contextLength, width});
        textTower_ = std::make_unique<nn::PreNormTower>(root, text.tower);
        textNorm_ =
            nn::registerAt(root, text.finalNorm, std::make_shared<nn::LayerNorm>(width, text.tower.epsilon));
        textProjection_ = projection(text.projection, width);
    }
    if (config.hasLogitScale)
        logitScale_ = nn::parameterAt(root, "logit_scale", {});
    if (config.hasLogitBias)
        logitBias_ = nn::parameterAt(root, "logit_bias", {});
}

void ClipNetwork::finishLoading() {
    if (imageTower_)
        imageTower_->finishLoading();
    if (textTower_)
        textTower_->finishLoading();
}

at::Tensor ClipNetwork::project(const at::Tensor& x, const at::Tensor& projection) const {
    if (!projection.defined())
        return x;
    return config_.transposedProjections ? at::matmul(x, projection) : at::linear(x, projection);
}

at::Tensor ClipNetwork::imageTokens(const at::Tensor& pixels, nn::GridSize grid) const {
    const at::Tensor maps = patches_->forward(pixels.to(patches_->weight.scalar_type()));
    const at::Tensor table = imagePositions_.narrow(0, 1, imagePositions_.size(0) - 1);
    const at::Tensor patches = nn::tokensFromMap(maps) + positionCache_->resized(table, grid);
    const at::Tensor classToken =
        (classToken_ + imagePositions_.select(0, 0)).expand({pixels.size(0), 1, classToken_.size(0)});
    const at::Tensor tokens = at::cat({classToken, patches}, 1);
    return preNorm_ ? preNorm_->forward(tokens) : tokens;
}

ImageResult ClipNetwork::image(const at::Tensor& pixels, const nn::TowerRequest& request) const {
    const VisionConfig& vision = *config_.vision;
    ImageResult result;
    result.grid = {pixels.size(2) / vision.patchSize.height, pixels.size(3) / vision.patchSize.width};
    result.tower = imageTower_->forward(imageTokens(pixels, result.grid), request);
    if (vision.pooling == ImagePooling::ClassToken) {
        // The norm acts on each token alone, so it is enough to norm the one that is used.
        result.pooled = postNorm_->forward(result.tower.last.select(1, 0));
        return result;
    }
    const at::Tensor tokens =
        vision.normsBeforePool ? postNorm_->forward(result.tower.last) : result.tower.last;
    const int64_t skipped = vision.pooling == ImagePooling::PatchMean ? 1 : 0;
    result.pooled = tokens.narrow(1, skipped, tokens.size(1) - skipped).mean(1);
    if (!vision.normsBeforePool)
        result.pooled = postNorm_->forward(result.pooled);
    return result;
}

at::Tensor ClipNetwork::patchFeatures(const at::Tensor& state, nn::GridSize grid) const {
    return nn::mapFromTokens(postNorm_->forward(state.narrow(1, 1, state.size(1) - 1)), grid.height,
                             grid.width);
}

at::Tensor ClipNetwork::dense(const at::Tensor& pixels) const {
    const VisionConfig& vision = *config_.vision;
    const nn::GridSize grid{pixels.size(2) / vision.patchSize.height,
                            pixels.size(3) / vision.patchSize.width};
    const int64_t before = vision.tower.depth - 1;
    nn::TowerRequest request;
    request.states = {before};
    const auto result = imageTower_->forward(imageTokens(pixels, grid), request);
    const at::Tensor values = imageTower_->lastValues(result.states.at(before));
    const at::Tensor patches = values.narrow(1, 1, values.size(1) - 1);
    return nn::mapFromTokens(projectImage(postNorm_->forward(patches)), grid.height, grid.width);
}

at::Tensor ClipNetwork::pooledRows(const at::Tensor& ids) const {
    const TextConfig& text = *config_.text;
    switch (text.pooling) {
        case TextPooling::HighestId:
            return ids.argmax(1);
        case TextPooling::EndToken:
            // The first end token; row 0 if there is none, as in the reference.
            return ids.eq(text.endToken).to(at::kInt).argmax(1);
        case TextPooling::First:
            return at::zeros({ids.size(0)}, ids.options().dtype(at::kLong));
        case TextPooling::Last:
            break;
    }
    return at::full({ids.size(0)}, ids.size(1) - 1, ids.options().dtype(at::kLong));
}

TextResult ClipNetwork::text(const at::Tensor& ids, const at::Tensor& mask, nn::TowerRequest request) const {
    const TextConfig& text = *config_.text;
    const at::Tensor embedded =
        tokens_->forward(ids.to(at::kLong)) + textPositions_.narrow(0, 0, ids.size(1));
    request.causal = text.causal;
    if (mask.defined())
        request.mask = nn::attentionMask(mask, text.causal, embedded.scalar_type());
    TextResult result;
    result.tower = textTower_->forward(embedded, request);
    result.normed = textNorm_->forward(result.tower.last);
    const at::Tensor rows = at::arange(ids.size(0), ids.options().dtype(at::kLong));
    result.pooled = result.normed.index({rows, pooledRows(ids)});
    return result;
}

}  // namespace vitrine::clip
