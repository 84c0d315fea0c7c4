// A small MambaVision for pictures of 64 pixels, with any of the mixers that the ablation compares: width 16
// with 1, 1, 4 and 2 blocks, as the tiny model has 80 with 1, 3, 8 and 4.
#pragma once

#include "core/claims/mixer_designs.h"
#include "core/models/mambavision/mamba_vision_blocks.h"
#include "core/nn/batch_norm.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine::mixers {

// Blocks of mixers, then as many of attention (one fewer if odd), over all places of a map, row by row.
class TokenLevel : public torch::nn::Module {
  public:
    TokenLevel(Design design, int64_t width, int64_t headCount, int64_t blockCount);
    at::Tensor forward(const at::Tensor& map) const;  // (B, width, H, W)

  private:
    std::vector<std::shared_ptr<MixerBlock>> mixers_;
    std::vector<std::shared_ptr<mambavision::TokenBlock>> attention_;
};

class Network : public torch::nn::Module {
  public:
    static constexpr int64_t kSide = 64;  // of pictures: the last two levels have 4 x 4 and 2 x 2 tokens

    // Begins as the published code does. Designs of equal shapes begin with equal weights.
    Network(Design design, int64_t classes, const at::Generator& random);
    // pictures (B, 3, 64, 64) in [0, 1] -> logits (B, classes)
    at::Tensor forward(const at::Tensor& pictures) const;

  private:
    std::shared_ptr<nn::Conv2d> stem0_, stem1_, down0_, down1_, down2_;
    std::shared_ptr<nn::TrainableBatchNorm> stemNorm0_, stemNorm1_, norm_;
    std::shared_ptr<mambavision::ConvBlock> level0_, level1_;
    std::shared_ptr<TokenLevel> level2_, level3_;
    std::shared_ptr<nn::Linear> head_;
};

}  // namespace vitrine::mixers
