// Building blocks of MambaVision (section 3 of the paper), with the parameter names of its checkpoints.
#pragma once

#include "core/nn/batch_norm.h"
#include "core/nn/vit_block.h"

#include <memory>

namespace vitrine::mambavision {

// x + γ ⊙ BN(conv(GELU(BN(conv x)))), maps (B, C, H, W). Names: conv1, norm1, conv2, norm2, gamma.
class ConvBlock : public torch::nn::Module {
  public:
    ConvBlock(int64_t width, bool layerScale);
    at::Tensor forward(const at::Tensor& x) const;

  private:
    std::shared_ptr<nn::Conv2d> conv1_, conv2_;
    std::shared_ptr<nn::TrainableBatchNorm> norm1_, norm2_;
    at::Tensor gamma_;
};

// The state-space half of MambaVision: of two branches of half the width one passes a selective scan, both
// pass a short convolution that sees one neighbour on either side; concatenated, not gated.
//   [x; z] = W_in u,  x = SiLU(conv x),  z = SiLU(conv z),  y = scan(x),  out = W_out [y; z]
class Mixer : public torch::nn::Module {
  public:
    explicit Mixer(int64_t width);
    // (windows, T, width)
    at::Tensor forward(const at::Tensor& tokens) const;

  private:
    at::Tensor scan(const at::Tensor& x) const;

    int64_t rank_;  // of the step-size projection
    std::shared_ptr<nn::Linear> in_, scanIn_, step_, out_;
    at::Tensor decayLog_, skip_, convX_, convZ_;
};

struct TokenBlockOptions {
    int64_t width = 0, headCount = 1;
    bool attention = false;  // a mixer otherwise
    double mlpRatio = 4;
    bool layerScale = false;
};

// x += γ1 ⊙ mixer(LN x); x += γ2 ⊙ MLP(LN x). Names: norm1, mixer, norm2, mlp.fc1, mlp.fc2, gamma_1, gamma_2.
class TokenBlock : public torch::nn::Module {
  public:
    explicit TokenBlock(const TokenBlockOptions& options);
    // (windows, T, width). `probabilities`, if not null, receives the attention (windows, heads, T, T);
    // undefined for a mixer. `mixed`, if not null, receives input and output of the mixer or attention.
    at::Tensor forward(const at::Tensor& x, at::Tensor* probabilities = nullptr,
                       std::pair<at::Tensor, at::Tensor>* mixed = nullptr) const;
    bool isAttention() const { return attention_ != nullptr; }

  private:
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<Mixer> mixer_;
    std::shared_ptr<nn::PackedAttention> attention_;
    std::shared_ptr<nn::VitMlp> mlp_;
    at::Tensor gamma1_, gamma2_;
};

// Starts a training run as the published code does: truncated normal weights of deviation 0.02 and zero
// biases also for the step sizes (which thus start near softplus(0)), A = -1 .. -8, D = 1, layer scales 1e-5.
void initializeTokenBlocks(torch::nn::Module& module, at::Generator generator);

}  // namespace vitrine::mambavision
