// The two towers of SigLIP and SigLIP 2. Image tokens are the patches alone.
#pragma once

#include "core/models/siglip/siglip_config.h"

namespace vitrine::siglip {

// Patches of pictures of different sizes, padded to one count (NaFlex).
struct PatchBatch {
    at::Tensor patches;  // (B, N, patchSize²·3), inside a patch row, column, channel
    at::Tensor mask;     // (B, N), 0 where a row is padding; undefined: none is
    at::Tensor shapes;   // (B, 2) int64 on the CPU: rows and columns of patches
};

struct ImageResult {
    nn::TowerResult tower;
    at::Tensor normed;  // (B, N, C) after the final norm
    at::Tensor pooled;  // (B, C) of the attention-pooling head; the mean token where there is none
};

struct TextResult {
    nn::TowerResult tower;
    at::Tensor normed;  // (B, T, C)
    at::Tensor pooled;  // (B, D), the last token through the head
};

class PoolingHead;

class SiglipNetwork {
  public:
    SiglipNetwork(torch::nn::Module& root, const SiglipConfig& config);
    ~SiglipNetwork();

    void finishLoading();
    // pixels (B, 3, H, W), multiples of the patch size.
    ImageResult image(const at::Tensor& pixels, const nn::TowerRequest& request) const;
    // NaFlex only.
    ImageResult imagePatches(const PatchBatch& batch, const nn::TowerRequest& request) const;
    // Each normed token (..., C) through the head as if all of its attention were on that token.
    at::Tensor pooledAlone(const at::Tensor& normed) const;
    // ids (B, T); mask (B, T) or undefined.
    TextResult text(const at::Tensor& ids, const at::Tensor& mask, nn::TowerRequest request) const;

    nn::GridSize gridOf(const at::Tensor& pixels) const;
    at::Tensor logitScale() const { return logitScale_; }
    at::Tensor logitBias() const { return logitBias_; }
    const SiglipConfig& config() const { return config_; }

  private:
    ImageResult finish(const at::Tensor& tokens, const at::Tensor& mask,
                       const nn::TowerRequest& request) const;

    SiglipConfig config_;
    at::Tensor imagePositions_, textPositions_, logitScale_, logitBias_;
    std::shared_ptr<nn::Conv2d> patchConv_;
    std::shared_ptr<nn::Linear> patchLinear_, textHead_;
    std::shared_ptr<nn::LayerNorm> imageNorm_, textNorm_;
    std::shared_ptr<nn::Embedding> tokens_;
    std::unique_ptr<PoolingHead> head_;
    std::unique_ptr<nn::PreNormTower> imageTower_, textTower_;
    std::unique_ptr<nn::PositionCache> positionCache_;
};

}  // namespace vitrine::siglip
