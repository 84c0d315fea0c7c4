// Parametrised building blocks. Their parameters are named as torch's own layers name them ("weight",
// "bias"), but are created uninitialised: a checkpoint fills them at once, and a training job calls
// initialize().
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

namespace vitrine::nn {

// y = x Wᵀ + b; x (..., in), weight (out, in), bias (out).
class Linear : public torch::nn::Module {
  public:
    Linear(int64_t inFeatures, int64_t outFeatures, bool bias = true);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight, bias;
};

// Normalisation over the last dimension; weight and bias (width).
class LayerNorm : public torch::nn::Module {
  public:
    LayerNorm(int64_t width, double epsilon, bool bias = true);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight, bias;
    double epsilon;
};

// LayerNorm over the channels of (B, C, H, W) maps.
class LayerNorm2d : public torch::nn::Module {
  public:
    LayerNorm2d(int64_t channels, double epsilon);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight, bias;
    double epsilon;
};

// x / rms(x) * weight over the last dimension.
class RmsNorm : public torch::nn::Module {
  public:
    RmsNorm(int64_t width, double epsilon);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight;
    double epsilon;
};

// BatchNorm with stored statistics over dimension 1 (evaluation mode); also holds "num_batches_tracked".
class BatchNorm : public torch::nn::Module {
  public:
    BatchNorm(int64_t channels, double epsilon);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight, bias, runningMean, runningVar;
    double epsilon;
};

struct ConvOptions {
    int64_t kernelHeight = 1, kernelWidth = 1;
    int64_t stride = 1;
    int64_t padding = 0;
    int64_t groups = 1;
    int64_t dilation = 1;
    bool bias = true;
};

// weight (out, in / groups, kernelHeight, kernelWidth).
class Conv2d : public torch::nn::Module {
  public:
    Conv2d(int64_t inChannels, int64_t outChannels, ConvOptions options);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight, bias;
    ConvOptions options;
};

// weight (in, out / groups, kernelHeight, kernelWidth).
class ConvTranspose2d : public torch::nn::Module {
  public:
    ConvTranspose2d(int64_t inChannels, int64_t outChannels, ConvOptions options);
    at::Tensor forward(const at::Tensor& x) const;
    at::Tensor weight, bias;
    ConvOptions options;
};

// weight (count, width).
class Embedding : public torch::nn::Module {
  public:
    Embedding(int64_t count, int64_t width);
    at::Tensor forward(const at::Tensor& indices) const;
    at::Tensor weight;
};

// Activation by the name configurations use: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, quick_gelu, relu,
// relu2, silu, swish, tanh, sigmoid. Throws std::invalid_argument for another name (loaders check with
// isActivation first).
using Activation = at::Tensor (*)(const at::Tensor&);
Activation activationByName(const std::string& name);
bool isActivation(const std::string& name);

// Truncated normal weights (std 0.02, cut at two standard deviations), zero biases, unit norms: the start of
// a training run. Draws from `generator`.
void initialize(torch::nn::Module& module, at::Generator generator);

}  // namespace vitrine::nn
