// The mixers that MambaVision's ablation compares (Hatamizadeh and Kautz 2024, table of the token mixer's
// design): Mamba's causal convolution in front of the scan, a regular one, and a second branch without a scan
// that gates the first or stands beside it.
#pragma once

#include "core/nn/layers.h"
#include "core/nn/vit_block.h"

#include <array>
#include <memory>

namespace vitrine::mixers {

enum class Design {
    Causal,       // out = W_out y,        x = SiLU(conv W_in u) looks at itself and two tokens before
    Regular,      // out = W_out y,        x looks at one neighbour on either side, as in the designs below
    Gated,        // out = W_out (y ⊙ z),  [x; z] = W_in u, z = SiLU(conv z)
    Concatenated  // out = W_out [y; z]: MambaVision's own
};
inline constexpr std::array kDesigns{Design::Causal, Design::Regular, Design::Gated, Design::Concatenated};
bool hasSecondBranch(Design design);

// y = scan(x) with the states, the projections and the doubled bias of the published mixer, whose parameter
// names it has (in_proj, conv1d_x, conv1d_z, x_proj, dt_proj, A_log, D, out_proj). Two branches are half as
// wide as one.
class Mixer : public torch::nn::Module {
  public:
    Mixer(int64_t width, Design design);
    // (B, T, width)
    at::Tensor forward(const at::Tensor& tokens) const;

  private:
    at::Tensor scan(const at::Tensor& x) const;

    Design design_;
    int64_t inner_, rank_;  // channels of a branch; of the step-size projection
    std::shared_ptr<nn::Linear> in_, scanIn_, step_, out_;
    at::Tensor decayLog_, skip_, convX_, convZ_;
};

// x += mixer(LN x); x += MLP(LN x). The MLP of the concatenated design has a hidden layer of four widths;
// that of the others is as much wider or narrower as makes up for the parameters of their mixers, to less
// than one hidden unit. Names: norm1, mixer, norm2, mlp.fc1, mlp.fc2.
class MixerBlock : public torch::nn::Module {
  public:
    MixerBlock(int64_t width, Design design);
    at::Tensor forward(const at::Tensor& tokens) const;

  private:
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    std::shared_ptr<Mixer> mixer_;
    std::shared_ptr<nn::VitMlp> mlp_;
};

}  // namespace vitrine::mixers
