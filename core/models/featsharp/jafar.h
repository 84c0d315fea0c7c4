// JAFAR (Couairon et al. 2025): any map from a coarse one as convex combinations of its vectors; queries and
// keys come from the picture, keys also from the coarse features. The other guided branch of FeatSharp.
#pragma once

#include "core/nn/layers.h"

#include <memory>

namespace vitrine::featsharp {

// A convolution (reflected borders, no bias) and two residual blocks of 1x1 convolutions.
class JafarEncoder;

class Jafar : public torch::nn::Module {
  public:
    Jafar(int64_t featureWidth, int64_t width, int64_t headCount);
    ~Jafar() override;
    // features (B, C, h, w), picture (B, 3, H, W) -> (B, C, height, width).
    at::Tensor forward(const at::Tensor& features, const at::Tensor& picture, int64_t height,
                       int64_t width) const;

  private:
    at::Tensor rotated(const at::Tensor& map) const;
    // Attention of (B, M, width) to (B, N, width), averaged over the heads, times values (B, N, C).
    at::Tensor mixed(const at::Tensor& query, const at::Tensor& key, const at::Tensor& values) const;

    int64_t width_, headCount_;
    std::shared_ptr<JafarEncoder> image_, key_, query_, features_;
    std::shared_ptr<nn::Conv2d> gamma_, beta_, queryConv_;
    std::shared_ptr<nn::RmsNorm> normQuery_, normKey_;
    at::Tensor frequencies_;  // (2, width)
    at::Tensor queryWeight_, keyWeight_, projectionBias_;
};

}  // namespace vitrine::featsharp
