// What FeatUp's implicit upsampler is held to besides the views themselves (Fu et al. 2024, section 3.3 and
// appendix): lengths of vectors that survive the downsampler, lengths that jump little, maps that a blur
// hardly changes. Each is unweighted.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// (B, K, H, W) -> (B, 1, H, W): the length of each place's vector. Its gradient is finite at zero too.
at::Tensor magnitudeOf(const at::Tensor& map);
// Mean squared difference of the downsampled lengths (B, 1, n, n) and those of the target (B, K, n, n).
at::Tensor magnitudeLoss(const at::Tensor& downsampled, const at::Tensor& target);
// Squared jumps of the lengths (B, 1, H, W) to the next row and column, summed, over the number of places.
at::Tensor magnitudeVariation(const at::Tensor& magnitude);
// Mean squared difference of a map and the same blurred (5x5, sigma 1).
at::Tensor blurPinLoss(const at::Tensor& map, const at::Tensor& blurred);

}  // namespace vitrine
