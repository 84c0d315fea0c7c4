// Bilinear and bicubic enlargement with the sampling positions of PyTorch's interpolate (align_corners=false,
// no antialiasing; bicubic with a = -0.75). On the CPU in two passes, rows first, which takes a fraction of
// the time that a sum over all neighbours of every pixel takes; on other devices and where gradients are
// recorded it is ATen's.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

enum class GridFilter { Bilinear, Bicubic };

// map (B, C, h, w), floating -> (B, C, height, width), of its type; sizes are positive.
at::Tensor resizeGrid(const at::Tensor& map, int64_t height, int64_t width, GridFilter filter);

}  // namespace vitrine
