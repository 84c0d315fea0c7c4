// What a transformer block does between its matrix products, in as few passes over memory as LibTorch allows.
#pragma once

#include "core/nn/layers.h"

namespace vitrine::nn {

// activation(x Wᵀ + b); x (..., in), weight (out, in), bias (out) or undefined, no activation where nullptr.
// Where no gradient is recorded, float32 on the CPU goes through oneDNN, which applies GELU and ReLU while
// the product is still in the cache, and for up to 256 rows a bias; BLAS is quicker at all others
// (encoder_bench). Up to four rows, as of new tokens, go through a kernel that reads the weight with all
// threads (language_bench). Results agree with at::linear to rounding.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  Activation activation = nullptr);

// residual + scale ⊙ branch, in one pass; no scale where it is undefined. `branch` must be the fresh output
// of a linear layer: without a scale the sum is taken in its memory (its backward needs no value of it).
at::Tensor addBranch(const at::Tensor& residual, const at::Tensor& branch, const at::Tensor& scale);

}  // namespace vitrine::nn
