// Changes to the weights for the length of one training step, and the slow copy of the student.
#pragma once

#include "core/distill/optimizer.h"

#include <torch/nn/module.h>

namespace vitrine {

// DAMP (Trinh et al. 2024; used by C-RADIOv4): every weight is multiplied by noise ξ ~ N(1, s²) during one
// forward and backward pass; the gradient of the plain weight is that of the noisy one times ξ. Construct
// before the forward pass, call finish() after the backward pass.
class WeightNoise {
  public:
    // Takes the decaying (matrix) parameters only. deviation 0: does nothing.
    WeightNoise(const std::vector<OptimizedParameter>& parameters, double deviation, at::Generator generator);
    WeightNoise(const WeightNoise&) = delete;
    WeightNoise& operator=(const WeightNoise&) = delete;
    ~WeightNoise() { restore(); }
    // Puts the plain weights back and corrects the gradients.
    void finish();

  private:
    void restore();
    std::vector<at::Tensor> tensors_, plain_, noise_;
};

// Exponential moving average of parameters and running statistics: slow = decay · slow + (1 - decay) · fast.
// Other buffers do not change.
class SlowCopy {
  public:
    // `slow`: a module of the same build as `fast`; starts equal to it.
    SlowCopy(std::shared_ptr<torch::nn::Module> slow, const torch::nn::Module& fast, double decay);
    void follow(const torch::nn::Module& fast);
    const torch::nn::Module& module() const { return *slow_; }
    std::map<std::string, at::Tensor> state() const;  // "slow.NAME"
    Result<void> restore(const std::map<std::string, at::Tensor>& state);

  private:
    std::shared_ptr<torch::nn::Module> slow_;
    double decay_;
};

}  // namespace vitrine
