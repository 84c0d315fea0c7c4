// The vision transformer of DINOv2 (Oquab et al. 2023; registers: Darcet et al. 2023) and DINOv3 (Siméoni et
// al. 2025). Tokens are [class, registers, patches].
#pragma once

#include "core/models/dino/dino_config.h"

#include <memory>

namespace vitrine::dino {

struct DinoResult {
    nn::TowerResult tower;  // states before the final norm
    at::Tensor normed;      // (B, T, C), the last state after the final norm
    nn::GridSize grid;
};

class DinoNetwork {
  public:
    // Registers everything in `root` under `prefix` ("" or "backbone.").
    DinoNetwork(torch::nn::Module& root, const std::string& prefix, DinoConfig config);

    void finishLoading() { tower_->finishLoading(); }
    // pixels (B, 3, H, W), H and W multiples of the patch size.
    DinoResult forward(const at::Tensor& pixels, const nn::TowerRequest& request) const;
    at::Tensor normalized(const at::Tensor& state) const { return norm_->forward(state); }
    // The backbone's feature maps at config().outIndices: (B, C, h, w), or (B, T, C) if the configuration
    // does not reshape. `result` must hold those states.
    std::vector<at::Tensor> featureMaps(const DinoResult& result) const;

    const DinoConfig& config() const { return config_; }

  private:
    nn::RotaryTable rotaryTable(nn::GridSize grid, const at::Tensor& like) const;

    DinoConfig config_;
    at::Tensor classToken_, registers_, positions_;
    std::shared_ptr<nn::Conv2d> projection_;
    std::shared_ptr<nn::LayerNorm> norm_;
    std::unique_ptr<nn::PreNormTower> tower_;
    nn::PositionCache positionCache_;
};

}  // namespace vitrine::dino
