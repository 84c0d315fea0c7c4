// Deformable convolution (Dai et al. 2017): each of the kernel's points samples the map at its place plus a
// learned offset, bilinearly, zero outside.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::nn {

// x (B, C, h, w); offsets (B, 2·k², h, w): y and x of every point of the k x k kernel, row by row, in cells;
// weight (O, C, k, k), k odd. Stride 1, padded to the same size -> (B, O, h, w).
at::Tensor deformableConvolution(const at::Tensor& x, const at::Tensor& offsets, const at::Tensor& weight);

}  // namespace vitrine::nn
