// The attention-pooling head of SigLIP: one learned query looks at all patches (MAP head, Zhai et al.,
// "Scaling Vision Transformers").
#pragma once

#include "core/nn/layers.h"
#include "core/nn/pre_norm_tower.h"

namespace vitrine::siglip {

class PoolingHead {
  public:
    // Registers probe, attention, layernorm and mlp under `path`; sizes of the tower in front.
    PoolingHead(torch::nn::Module& root, const std::string& path, const nn::TowerOptions& tower);

    // x (B, N, C), additive mask or nothing -> (B, C).
    at::Tensor forward(const at::Tensor& x, const std::optional<at::Tensor>& mask) const;
    // (..., C) -> (..., C): the result if the query attended to that token only.
    at::Tensor alone(const at::Tensor& x) const;

  private:
    at::Tensor finish(const at::Tensor& attended) const;

    int64_t width_, headCount_;
    nn::Activation activation_;
    at::Tensor probe_, weight_, bias_;
    std::shared_ptr<nn::Linear> out_, up_, down_;
    std::shared_ptr<nn::LayerNorm> norm_;
};

}  // namespace vitrine::siglip
