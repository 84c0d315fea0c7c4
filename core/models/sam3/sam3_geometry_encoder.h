// Example boxes of SAM 3 as prompt tokens: "find what looks like this" and "not like this".
#pragma once

#include "core/models/sam3/sam3_layers.h"

namespace vitrine::sam3 {

// Tokens that describe what to look for.
struct PromptTokens {
    at::Tensor tokens;  // (B, T, C)
    at::Tensor valid;   // (B, T) bool, false for padding; undefined: all are
};
// One sequence after the other.
PromptTokens joined(const PromptTokens& first, const PromptTokens& second);
// Additive mask that hides the padding, or nothing.
AttentionBias paddingBias(const PromptTokens& prompt);

// The pyramid's level that the detector looks at, as a map and as a sequence of cells.
struct ImageCells {
    at::Tensor map;        // (B, C, h, w)
    at::Tensor cells;      // (B, h·w, C)
    at::Tensor positions;  // (B, h·w, C)
};

class GeometryEncoder : public torch::nn::Module {
  public:
    explicit GeometryEncoder(const DetectorSizes& sizes);
    // boxes (B, N, 4) as centre, width and height; labels (B, N): 1 like this, 0 not like this, -10 padding.
    // N + 1 tokens: one per box and one that stands for all of them.
    PromptTokens forward(const at::Tensor& boxes, const at::Tensor& labels, const ImageCells& image) const;

  private:
    at::Tensor embedBoxes(const at::Tensor& boxes, const at::Tensor& labels, const at::Tensor& map) const;

    int64_t width_, poolSide_;
    std::shared_ptr<nn::Embedding> labelKinds_, classToken_;
    std::shared_ptr<nn::Linear> direct_, positions_, finalProjection_;
    std::shared_ptr<nn::Conv2d> pooled_;
    std::shared_ptr<nn::LayerNorm> imageNorm_, promptNorm_, outputNorm_;
    std::vector<std::shared_ptr<FusionLayer>> layers_;
};

}  // namespace vitrine::sam3
