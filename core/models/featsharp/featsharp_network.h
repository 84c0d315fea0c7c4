// FeatSharp (Ranzinger et al. 2025): features u times finer than an encoder's own. The picture is resized to
// (r·u)² and cut into u x u tiles; the encoder sees the whole picture at r x r and every tile at r x r; the
// coarse map, enlarged along the picture's edges, and the stitched tiles are joined by one block.
#pragma once

#include "core/models/featsharp/bilateral_stack.h"
#include "core/models/featsharp/fusion_block.h"
#include "core/models/featsharp/jafar.h"

#include <functional>

namespace vitrine::featsharp {

// The frozen encoder: pictures (B, 3, r, r) prepared for it -> features (B, C, n, n).
using Featurizer = std::function<Result<at::Tensor>(const at::Tensor& pictures)>;

struct SharpFeatures {
    at::Tensor coarse;  // (B, C, n, n), prepared
    at::Tensor guided;  // (B, C, n·u, n·u): the coarse map enlarged; undefined for tiles alone
    at::Tensor tiles;   // (B, C, n·u, n·u): stitched, with the tiles' position vectors; undefined without
    at::Tensor fine;    // (B, C, n·u, n·u)
};

class FeatSharpNetwork {
  public:
    FeatSharpNetwork(torch::nn::Module& root, const FeatSharpConfig& config);

    // picture (B, 3, H, W) prepared for the encoder; it is resized to (r·u)². `keepParts`: false gives only
    // `coarse` and `fine`, with the rest freed early.
    Result<SharpFeatures> forward(const at::Tensor& picture, const Featurizer& featurizer,
                                  bool keepParts) const;
    // PHI-S: α R (f - μ).
    at::Tensor standardised(const at::Tensor& features) const;
    // Standardised and without the position's bias.
    at::Tensor prepared(const at::Tensor& features) const;
    // Back to the encoder's own space.
    at::Tensor restored(const at::Tensor& features) const;
    const FeatSharpConfig& config() const { return config_; }
    // b, (1, C, n, n), learned to be minus what the encoder adds at fixed places; undefined without.
    const at::Tensor& bias() const { return bias_; }

  private:
    Result<at::Tensor> stitchedTiles(const at::Tensor& picture, const Featurizer& featurizer) const;
    at::Tensor guidedMap(const at::Tensor& coarse, const at::Tensor& large, const at::Tensor& small) const;
    Result<at::Tensor> featuresOf(const at::Tensor& pictures, const Featurizer& featurizer) const;

    FeatSharpConfig config_;
    std::shared_ptr<BilateralStack> bilateral_;
    std::shared_ptr<Jafar> jafar_;
    std::shared_ptr<FusionBlock> block_;
    at::Tensor tilePosition_, bias_;                // (1, C, u, u), (1, C, n, n)
    at::Tensor mean_, alpha_, rotation_, inverse_;  // (C), (), (C, C), (C, C)
};

}  // namespace vitrine::featsharp
