// Sine and cosine positions of a feature map, as the pyramids of SAM 2 and SAM 3 give beside their levels.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::sam {

// Sines and cosines of angles (...): (..., features), a sine and a cosine per frequency in turn, the slowest
// frequency a ten-thousandth of the fastest. `features` must be even.
at::Tensor sinesOf(const at::Tensor& angles, int64_t features);

// Positions for a map (B, C, h, w), of the same shape and type: the first half of the channels for y, the
// second for x. C must be a multiple of 4.
at::Tensor sinePositions(const at::Tensor& map);

}  // namespace vitrine::sam
