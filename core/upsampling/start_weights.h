// Weights at the start of a training, drawn from one generator so that equal seeds give equal runs.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

namespace vitrine {

// Every Linear and Conv2d below `root` as PyTorch starts them: weights and biases uniform within
// 1 / sqrt(inputs of one output). Norms: 1 and 0. Other parameters keep their values.
void startLayers(torch::nn::Module& root, const at::Generator& random);
// The rest of an upsampler, by its published names: no bias, no tile vectors, the identity as normaliser, the
// rotary frequencies (2π 100^(-k / (width / 4)), half of the channels for each axis) and attention weights of
// JAFAR.
void startUpsampler(torch::nn::Module& root, const at::Generator& random);
// Another start of FeatSharp's fusion and guided branch, for short trainings: the published one is the guided
// branch alone, and must first find out by steps of the optimiser that tiles are worth anything. Here the
// bilateral levels are narrow (close to bilinear enlargement), and attention gives every place
// 0.5 Σ w (tile - guided) on top of its guided vector, with windows' weights w by the likeness of places
// (queries and keys are one random projection). For fusions with attention and without layer norms.
void startBlended(torch::nn::Module& root, const at::Generator& random);

}  // namespace vitrine
