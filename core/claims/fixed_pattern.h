// What a student has taken over of a pattern that its teacher adds at fixed places, whatever the picture
// shows (C-RADIOv4, section on shift equivariance; RADIOv2.5, section on mosaics).
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// A map (B, C, h, w) without its mean over places.
at::Tensor withoutMeanOverPlaces(const at::Tensor& map);

// Energy per cell of the mean over pictures of `differences` (prediction - clean teacher, (B, C, h, w)), over
// that of the planted pattern (1, C, h', w'); both without their means over places. The grids may differ.
double shareOfFixedPattern(const at::Tensor& differences, const at::Tensor& planted);

}  // namespace vitrine
