// Cutting boxes out of a feature map at one size (RoIAlign: He et al. 2017, Mask R-CNN).
#pragma once

#include <ATen/ATen.h>

namespace vitrine::nn {

// map (B, C, h, w); boxes (B, N, 4) as x0, y0, x1, y1 in cells of the map, the first cell spanning [0, 1)
// with its value at 0. Gives (B, N, C, side, side): each bin is the mean of bilinear samples on a regular
// grid of as many rows and columns as the bin spans cells, rounded up. A box is at least one cell wide and
// high; samples more than one cell outside the map count as 0. The map's type is kept.
at::Tensor roiAlign(const at::Tensor& map, const at::Tensor& boxes, int64_t side);

}  // namespace vitrine::nn
