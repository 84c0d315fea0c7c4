// Spectral re-parametrisation of layers while they are trained (σReparam, Zhai et al. 2023; used by
// AM-RADIO's students and by FeatSharp): the weight in use is W · s / σ(W), σ the largest singular value by
// power iteration and s a learned scale that starts as σ, so that the start is unchanged and no step can make
// a layer explode.
//
//   spectral.apply(true);
//   loss.backward();
//   spectral.collect();   // gradients of the weights in use go on to originals and scales
#pragma once

#include "core/base/result.h"
#include "core/distill/optimizer.h"

#include <torch/nn/module.h>

#include <functional>
#include <memory>

namespace vitrine {

struct SpectralOptions {
    bool convolutions = true;    // Conv2d layers as well as Linear ones
    bool separateParts = false;  // queries, keys and values of a layer "qkv" have a norm and a scale each
    double scaleRate = 1;        // of the learning rate, for the scales
    std::function<bool(const std::string& layer)> wanted{};  // none: all of them
};

class SpectralWeights {
  public:
    // Layers below `root` whose weight is a matrix of more than one row and column. The modules' registered
    // parameters stay the original weights; what they compute with is set by apply.
    SpectralWeights(torch::nn::Module& root, const std::string& prefix, const at::Generator& random,
                    const SpectralOptions& options = {});

    // Gives the layers their weights in use, as leaves of their own, so that several backward passes and
    // passes that are computed again may go through them; one step of the power iteration first if `update`.
    // Before the forward passes, and after originals or scales changed.
    void apply(bool update);
    // After the backward passes, once: hands their gradients on.
    void collect();

    // The learned scales; they decay.
    std::vector<OptimizedParameter> scales() const;
    // Of `parameters` those that the layers compute with: weights in use for originals, no scales.
    std::vector<OptimizedParameter> inUse(const std::vector<OptimizedParameter>& parameters) const;
    // What a file without the re-parametrisation holds, by the names of the original weights.
    std::map<std::string, at::Tensor> folded() const;
    // Of a slow copy whose originals have moved: the scales go by `share` of the way to those of `fast`, a
    // module of the same build, and the power iteration by one step.
    void follow(const SpectralWeights& fast, double share);

    // "spectral.NAME.scale", ".u", ".v", of separate parts "spectral.NAME.parts.0.scale", after `prefix`.
    std::map<std::string, at::Tensor> state(const std::string& prefix = {}) const;
    Result<void> restore(const std::map<std::string, at::Tensor>& state, const std::string& prefix = {});

  private:
    // Rows of a weight that share a norm.
    struct Part {
        std::string name;
        int64_t begin = 0, count = 0;
        at::Tensor scale;  // ()
        at::Tensor u, v;   // left and right singular vectors
    };
    struct Layer {
        std::string name;     // of the weight
        at::Tensor original;  // the registered parameter
        at::Tensor* handle;   // the one that the module computes with: a leaf
        at::Tensor computed;  // its value as a function of original and scales
        std::vector<Part> parts;
    };
    static at::Tensor rowsOf(const Layer& layer, const Part& part);
    static at::Tensor valueOf(const Layer& layer);
    static void iterate(Layer& layer);
    void add(const std::string& name, at::Tensor* handle, int64_t parts, const at::Generator& random);

    double scaleRate_;
    std::vector<std::shared_ptr<torch::nn::Module>> modules_;  // keeps the handles alive
    std::vector<Layer> layers_;
};

}  // namespace vitrine
