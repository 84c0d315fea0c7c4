// Spectral re-parametrisation of layers while they are trained (σReparam, Zhai et al. 2023; used by
// FeatSharp): the weight in use is W · s / σ(W), σ the largest singular value by power iteration and s a
// learned scale that starts as σ, so that the start is unchanged and no step can make a layer explode.
#pragma once

#include "core/base/result.h"
#include "core/distill/optimizer.h"

#include <torch/nn/module.h>

#include <memory>

namespace vitrine {

class SpectralWeights {
  public:
    // Every Linear and Conv2d below `root` whose weight is a matrix of more than one row and column. The
    // modules' registered parameters stay the original weights.
    SpectralWeights(torch::nn::Module& root, const std::string& prefix, const at::Generator& random);

    // Gives the layers their weights in use, with gradients to original weights and scales; one step of the
    // power iteration if `update`. Before every forward pass.
    void apply(bool update);
    // The learned scales: a tenth of the learning rate, and they decay.
    std::vector<OptimizedParameter> scales() const;
    // What a file without the re-parametrisation holds, by the names of the original weights.
    std::map<std::string, at::Tensor> folded() const;

    // "spectral.NAME.scale", ".u", ".v".
    std::map<std::string, at::Tensor> state() const;
    Result<void> restore(const std::map<std::string, at::Tensor>& state);

  private:
    struct Layer {
        std::string name;     // of the weight
        at::Tensor original;  // the registered parameter
        at::Tensor* handle;   // the one that the module computes with
        at::Tensor scale;     // ()
        at::Tensor u, v;      // left and right singular vectors
    };
    static at::Tensor inUse(const Layer& layer);
    static void iterate(Layer& layer);

    std::vector<std::shared_ptr<torch::nn::Module>> modules_;  // keeps the handles alive
    std::vector<Layer> layers_;
};

}  // namespace vitrine
