// SAM 3's masks: the pyramid's levels are merged from coarse to fine (the pixel decoder of MaskFormer, Cheng
// et al. 2021), and each query's vector is multiplied with every pixel's.
#pragma once

#include "core/models/sam3/sam3_geometry_encoder.h"

namespace vitrine::sam3 {

// Groups of the pixel decoder's norms, which no configuration states.
inline constexpr int64_t kPixelNormGroups = 8;

struct PredictedMasks {
    at::Tensor objects;   // (B, Q, H, W) logits at the size of the finest level
    at::Tensor semantic;  // (B, 1, H, W) logits: all of what is looked for at once
};

class PixelDecoder;

class MaskHead : public torch::nn::Module {
  public:
    explicit MaskHead(const DetectorSizes& sizes);
    // queries (B, Q, C); levels from fine to coarse, each (B, C, h, w); cells (B, h·w, C) take the place of
    // the coarsest level.
    PredictedMasks forward(const at::Tensor& queries, const std::vector<at::Tensor>& levels,
                           const at::Tensor& cells, const PromptTokens& prompt) const;

  private:
    at::Tensor embedQueries(const at::Tensor& queries) const;

    std::shared_ptr<PixelDecoder> pixels_;
    std::vector<std::shared_ptr<nn::Linear>> embedder_;
    std::shared_ptr<nn::Conv2d> objects_, semantic_;
    std::shared_ptr<Attention> promptAttention_;
    std::shared_ptr<nn::LayerNorm> promptNorm_;
};

}  // namespace vitrine::sam3
