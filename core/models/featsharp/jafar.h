// JAFAR (Couairon et al. 2025): any map from a coarse one as convex combinations of its vectors; queries and
// keys come from the picture, keys also from the coarse features. The other guided branch of FeatSharp.
#pragma once

#include "core/nn/layers.h"

#include <memory>

namespace vitrine::featsharp {

class JafarEncoder;

class Jafar : public torch::nn::Module {
  public:
    Jafar(int64_t featureWidth, int64_t width, int64_t headCount);
    ~Jafar() override;
    // features (B, C, h, w), picture (B, 3, H, W) -> (B, C, height, width). Without gradients the maps of the
    // picture's size are made in strips of rows, and one of them exists at a time; what a norm needs to know
    // of all strips and the picture's encoding for a second user are computed twice for it. Gradients need
    // every map: with them there is one strip.
    at::Tensor forward(const at::Tensor& features, const at::Tensor& picture, int64_t height,
                       int64_t width) const;

  private:
    struct PictureMaps {
        at::Tensor queries, keys;  // (B, width, ...) of the sizes asked for
    };
    PictureMaps pictureMaps(const at::Tensor& picture, at::IntArrayRef querySize,
                            at::IntArrayRef keySize) const;
    int64_t stripRows(const at::Tensor& picture) const;
    // Rows [first, ...) of a map with `height` rows, turned by their positions.
    at::Tensor rotated(const at::Tensor& strip, int64_t first, int64_t height) const;
    // Values (B, C, N) times the attention of (B, M, width) to (B, N, width), averaged over the heads:
    // (B, C, M).
    at::Tensor mixed(const at::Tensor& query, const at::Tensor& key, const at::Tensor& values) const;

    int64_t width_, headCount_;
    std::shared_ptr<JafarEncoder> image_, key_, query_, features_;
    std::shared_ptr<nn::Conv2d> gamma_, beta_, queryConv_;
    std::shared_ptr<nn::RmsNorm> normQuery_, normKey_;
    at::Tensor frequencies_;  // (2, width)
    at::Tensor queryWeight_, keyWeight_, projectionBias_;
};

}  // namespace vitrine::featsharp
