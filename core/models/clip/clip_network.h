// The two towers of CLIP. Image tokens are [class, patches].
#pragma once

#include "core/models/clip/clip_config.h"

namespace vitrine::clip {

struct ImageResult {
    nn::TowerResult tower;
    at::Tensor pooled;  // (B, C) after the final norm, not projected
    nn::GridSize grid;
};

struct TextResult {
    nn::TowerResult tower;
    at::Tensor normed;  // (B, T, C) after the final norm
    at::Tensor pooled;  // (B, C), not projected
};

class ClipNetwork {
  public:
    ClipNetwork(torch::nn::Module& root, const ClipConfig& config);

    void finishLoading();
    // pixels (B, 3, H, W), multiples of the patch size.
    ImageResult image(const at::Tensor& pixels, const nn::TowerRequest& request) const;
    // Patch tokens after the final norm, (B, C, h, w).
    at::Tensor patchFeatures(const at::Tensor& state, nn::GridSize grid) const;
    // (..., C) -> (..., D); the input itself where the checkpoint has no projection.
    at::Tensor projectImage(const at::Tensor& x) const { return project(x, imageProjection_); }
    at::Tensor projectText(const at::Tensor& x) const { return project(x, textProjection_); }
    // The last block's value path of the patches, final norm and projection: (B, D, h, w).
    at::Tensor dense(const at::Tensor& pixels) const;
    // ids (B, T); mask (B, T) or undefined.
    TextResult text(const at::Tensor& ids, const at::Tensor& mask, nn::TowerRequest request) const;

    at::Tensor logitScale() const { return logitScale_; }  // before exp; undefined if not stored
    at::Tensor logitBias() const { return logitBias_; }
    const ClipConfig& config() const { return config_; }

  private:
    at::Tensor project(const at::Tensor& x, const at::Tensor& projection) const;
    at::Tensor imageTokens(const at::Tensor& pixels, nn::GridSize grid) const;
    at::Tensor pooledRows(const at::Tensor& ids) const;

    ClipConfig config_;
    at::Tensor classToken_, imagePositions_, imageProjection_, textPositions_, textProjection_;
    at::Tensor logitScale_, logitBias_;
    std::shared_ptr<nn::Conv2d> patches_;
    std::shared_ptr<nn::LayerNorm> preNorm_, postNorm_, textNorm_;
    std::shared_ptr<nn::Embedding> tokens_;
    std::unique_ptr<nn::PreNormTower> imageTower_, textTower_;
    std::unique_ptr<nn::PositionCache> positionCache_;
};

}  // namespace vitrine::clip
