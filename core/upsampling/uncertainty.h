// How much a place of a picture is trusted in the multi-view loss: moving things, reflections and outliers of
// the encoder get large values and count less (Hamilton et al. in FeatUp, section 3; after Kendall and Gal
// 2017).
#pragma once

#include "core/nn/layers.h"

#include <memory>

namespace vitrine {

// FeatSharp: the logarithm u of a variance on the fine grid, from a 5x5 convolution to 256 channels, GELU and
// a 1x1 one that starts at zero. Tensors "net.0.*", "net.2.*".
class UncertaintyNet : public torch::nn::Module {
  public:
    UncertaintyNet(int64_t channels, const at::Generator& random);
    // (B, C, H, W) -> (B, 1, H, W). It never moves the features: they come in without gradients.
    at::Tensor forward(const at::Tensor& fine) const;

  private:
    std::shared_ptr<nn::Conv2d> first_, second_;
};

// FeatUp: a deviation ŝ = exp(conv1x1 + 0.1) of the coarse features, at least 1e-4. Tensors "net.*".
class DeviationNet : public torch::nn::Module {
  public:
    DeviationNet(int64_t channels, const at::Generator& random);
    // (B, C, h, w) -> (B, 1, h, w).
    at::Tensor forward(const at::Tensor& coarse) const;

  private:
    std::shared_ptr<nn::Conv2d> layer_;
};

}  // namespace vitrine
