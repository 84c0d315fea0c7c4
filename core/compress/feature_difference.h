// How far features are from those of the dense encoder.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// ‖a - b‖² / ‖b‖² of tensors of one shape, and the mean cosine of the rows of (N, C).
double relativeSquare(const at::Tensor& a, const at::Tensor& b);
double meanCosine(const at::Tensor& a, const at::Tensor& b);
// (B, C, h, w) -> (cells, C) float32 on the CPU.
at::Tensor cellsOf(const at::Tensor& features);

}  // namespace vitrine
