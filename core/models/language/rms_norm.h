// The norm of most language models: y = x / sqrt(mean(x²) + ε) ⊙ w over the last axis (Zhang and Sennrich
// 2019).
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// x (..., n), weight (n). Float32 on the CPU takes one pass over each row, forwards and backwards; LibTorch
// composes it of five operations there, and the gradient of more. Differentiable once.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon);

}  // namespace vitrine
