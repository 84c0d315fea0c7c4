// The pre-norm transformer block of the ViT family: x += ls1 · Attn(norm1 x); x += ls2 · MLP(norm2 x), with
// one packed qkv projection. Options cover LayerScale, SwiGLU and a normalisation inside the MLP. Parameter
// names are those of public checkpoints ("norm1", "attn.qkv", "mlp.fc1", ...).
#pragma once

#include "core/nn/layers.h"
#include "core/nn/token_reduction.h"

#include <memory>
#include <span>
#include <string>

namespace vitrine::nn {

struct VitBlockOptions {
    int64_t width = 0;  // channels of the residual stream
    int64_t headCount = 1;
    int64_t headWidth = 0;  // channels of a head; 0: width / headCount
    int64_t hidden = 0;     // width of the MLP's hidden layer (of one half if gated)
    double epsilon = 1e-6;  // of both LayerNorms and of the one inside the MLP
    bool qkvBias = true;
    bool gated = false;    // SwiGLU: w3(silu(a) ⊙ b), [a b] = w12 x
    bool mlpNorm = false;  // LayerNorm("norm") between activation and fc2
    std::string activation = "gelu";
    // Module and parameter of LayerScale ("ls1"/"ls2" and "gamma"); no LayerScale where empty.
    std::string layerScale1{}, layerScale2{}, layerScaleParameter{};
};

// Multi-head self-attention over (B, T, width), q, k and v packed in this order.
class PackedAttention : public torch::nn::Module {
  public:
    // `headWidth` 0: width / headCount.
    PackedAttention(int64_t width, int64_t headCount, bool qkvBias, int64_t headWidth = 0);
    // `probabilities`, if not null, receives the attention matrix (B, heads, T, T); this takes the explicit
    // path.
    at::Tensor forward(const at::Tensor& x, at::Tensor* probabilities = nullptr) const;
    // x (1, ΣT, width): sequences of the given lengths behind one another, each attends to itself only.
    at::Tensor forwardPacked(const at::Tensor& x, std::span<const int64_t> lengths) const;
    // Shows `tokens` the queries and keys of block `block`.
    at::Tensor forwardReduced(const at::Tensor& x, TokenReduction& tokens, int64_t block) const;

  private:
    int64_t headCount_;
    std::shared_ptr<Linear> qkv_, proj_;
};

class VitMlp : public torch::nn::Module {
  public:
    explicit VitMlp(const VitBlockOptions& options);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    bool gated_;
    Activation activation_;
    std::shared_ptr<Linear> first_, second_;
    std::shared_ptr<LayerNorm> norm_;
};

class VitBlock : public torch::nn::Module {
  public:
    explicit VitBlock(const VitBlockOptions& options);
    at::Tensor forward(const at::Tensor& x, at::Tensor* probabilities = nullptr) const;
    at::Tensor forwardPacked(const at::Tensor& x, std::span<const int64_t> lengths) const;
    // As block `block`: tokens leave or merge between attention and MLP.
    at::Tensor forwardReduced(const at::Tensor& x, TokenReduction& tokens, int64_t block) const;

  private:
    at::Tensor finish(const at::Tensor& x, const at::Tensor& attended) const;
    std::shared_ptr<LayerNorm> norm1_, norm2_;
    std::shared_ptr<PackedAttention> attention_;
    std::shared_ptr<VitMlp> mlp_;
    at::Tensor scale1_, scale2_;  // LayerScale, undefined where there is none
};

}  // namespace vitrine::nn
