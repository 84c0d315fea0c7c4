// The guided branch of FeatSharp: joint bilateral upsampling with learned range kernels (Fu et al. 2024,
// section 3.1, without the fix-up networks), one level per prime factor.
#pragma once

#include "core/nn/layers.h"

#include <memory>
#include <vector>

namespace vitrine::featsharp {

// keys K = conv(gelu(conv(guidance))); weights softmax_q(e^temperature <K_p, K_q>) times exp(-|q|²/2σ²) on
// [-1,1]², normalised to sum 1.
class BilateralLevel : public torch::nn::Module {
  public:
    explicit BilateralLevel(int64_t factor);
    // map (B, C, h, w), picture (B, 3, H, W) of any larger size -> (B, C, h·factor, w·factor).
    at::Tensor forward(const at::Tensor& map, const at::Tensor& picture) const;

  private:
    // guidance (B, 3, h, w) -> (B, h, w, D, D).
    at::Tensor weights(const at::Tensor& guidance) const;

    int64_t factor_;
    std::shared_ptr<nn::Conv2d> first_, second_;
    at::Tensor rangeTemperature_, sigmaSpatial_;
    // Gains on both kernels; they cancel in the normalisation and are kept for the checkpoint's sake.
    at::Tensor rangeAlpha_, spatialAlpha_;
};

class BilateralStack : public torch::nn::Module {
  public:
    explicit BilateralStack(const std::vector<int64_t>& factors);
    at::Tensor forward(at::Tensor map, const at::Tensor& picture) const;

  private:
    std::vector<std::shared_ptr<BilateralLevel>> levels_;
};

}  // namespace vitrine::featsharp
