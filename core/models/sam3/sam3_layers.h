// Building blocks that the parts of SAM 3's detector share. Sequences are (B, T, C); boxes (..., 4) are
// shares of the picture's width and height.
#pragma once

#include "core/models/sam3/sam3_detector_config.h"
#include "core/nn/layers.h"

#include <optional>

namespace vitrine::sam3 {

// torch's default: the reference gives its detector's norms none of the configuration's epsilons.
inline constexpr double kDetectorNormEpsilon = 1e-5;

// An attention's additive mask or bias, broadcastable to (B, heads, Tq, Tk).
using AttentionBias = std::optional<at::Tensor>;

class Attention : public torch::nn::Module {
  public:
    Attention(int64_t width, int64_t headCount);
    at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                       const AttentionBias& bias = std::nullopt) const;

  private:
    int64_t headCount_;
    std::shared_ptr<nn::Linear> query_, key_, value_, output_;
};

// fc1, activation, fc2.
class Mlp : public torch::nn::Module {
  public:
    explicit Mlp(const StackSizes& sizes);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    nn::Activation activation_;
    std::shared_ptr<nn::Linear> up_, down_;
};

// layer1 .. layerN with ReLU between them.
class HeadMlp : public torch::nn::Module {
  public:
    HeadMlp(int64_t inWidth, int64_t innerWidth, int64_t outWidth, int64_t depth);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    std::vector<std::shared_ptr<nn::Linear>> layers_;
};

// A pre-norm layer whose tokens attend to themselves, to another sequence, and pass an MLP.
class FusionLayer : public torch::nn::Module {
  public:
    explicit FusionLayer(const StackSizes& sizes);
    // `ownPositions` are added to the tokens' queries and keys, `otherPositions` to the other sequence's
    // keys; each may be undefined.
    at::Tensor forward(const at::Tensor& tokens, const at::Tensor& ownPositions, const AttentionBias& ownBias,
                       const at::Tensor& other, const at::Tensor& otherPositions,
                       const AttentionBias& otherBias) const;

  private:
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_, norm3_;
    std::shared_ptr<Attention> self_, cross_;
    std::shared_ptr<Mlp> mlp_;
};

// (x centre, y centre, width, height) -> (x0, y0, x1, y1).
at::Tensor cornersOf(const at::Tensor& boxes);

}  // namespace vitrine::sam3
