// The transformer between prompt tokens and image features that the mask decoders of Segment Anything share.
#pragma once

#include "core/base/json.h"
#include "core/nn/layers.h"

#include <utility>

namespace vitrine::sam {

struct DecoderSizes {
    int64_t width = 256, mlpWidth = 2048, depth = 2, headCount = 8, attentionDownsampling = 2,
            multimaskCount = 3, iouDepth = 3, iouWidth = 256;
    double layerNormEpsilon = 1e-6;
    std::string activation = "relu";
};
Result<DecoderSizes> decoderSizesFrom(const Json& config);

// Linear layers with ReLU between them: proj_in, layers.0.., proj_out.
class FeedForward : public torch::nn::Module {
  public:
    FeedForward(int64_t inWidth, int64_t innerWidth, int64_t outWidth, int64_t depth);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    std::shared_ptr<nn::Linear> first_, last_;
    std::vector<std::shared_ptr<nn::Linear>> inner_;
};

// Names of a layer's parts, which differ between the checkpoints of SAM and SAM 2.
struct TwoWayNames {
    std::string out = "out_proj";            // of an attention
    std::string up = "lin1", down = "lin2";  // of the MLP
};

class CrossAttention;
class TwoWayLayer;

class TwoWayTransformer : public torch::nn::Module {
  public:
    TwoWayTransformer(const DecoderSizes& sizes, const TwoWayNames& names);
    // tokens (B, P, N, C), which are also their own positions; image and imagePositions (B, P, h·w, C).
    // Returns both, updated.
    std::pair<at::Tensor, at::Tensor> forward(const at::Tensor& tokens, const at::Tensor& image,
                                              const at::Tensor& imagePositions) const;

  private:
    std::vector<std::shared_ptr<TwoWayLayer>> layers_;
    std::shared_ptr<CrossAttention> finalAttention_;
    std::shared_ptr<nn::LayerNorm> finalNorm_;
};

}  // namespace vitrine::sam
