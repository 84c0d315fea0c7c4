// The transformer block that joins FeatSharp's two maps (Ranzinger et al. 2025, section 3): attention within
// windows of the fine grid over the channels of both, then a gated feed-forward layer back to one map's
// width.
#pragma once

#include "core/models/featsharp/featsharp_config.h"
#include "core/nn/layers.h"

#include <memory>

namespace vitrine::featsharp {

inline constexpr int64_t kFusionHeads = 16;

class FusionBlock : public torch::nn::Module {
  public:
    explicit FusionBlock(const FeatSharpConfig& config);
    // Both (B, C, H, W) -> (B, C, H, W). With zero scales it gives `guided`. Without gradients it works in
    // strips of rows: whole maps of queries, keys and values would be several times the input.
    at::Tensor forward(const at::Tensor& guided, const at::Tensor& tiles) const;

  private:
    // Rows [first, first + count) of the result.
    at::Tensor strip(const at::Tensor& guided, const at::Tensor& tiles, int64_t first, int64_t count) const;
    // (B, h, W, 2C) -> the same.
    at::Tensor attend(const at::Tensor& x) const;
    at::Tensor feedForward(const at::Tensor& x) const;

    int64_t width_, headWidth_, storedWidth_, radius_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<nn::Linear> qkv_, projection_, gate_, down_;
    at::Tensor scale1_, scale2_, slopes_;
};

}  // namespace vitrine::featsharp
