// The joint bilateral filter with learned range kernels (Fu et al. 2024, FeatUp, section 3.1), shared by
// FeatUp and FeatSharp: 7 x 7 neighbours, weights from the picture alone. Differentiable.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

constexpr int64_t kBilateralRadius = 3, kBilateralTaps = 2 * kBilateralRadius + 1;

// keys (B, K, h, w), scalars range temperature (its logarithm) and spatial deviation in half windows
//   w(p, q) = softmax_q(e^temperature <K_p, K_{p+q}>) exp(-|q|² / 2σ²), q on [-1,1]², divided by its sum
// -> (B, h, w, 7, 7). Borders are reflected.
at::Tensor bilateralFilters(const at::Tensor& keys, const at::Tensor& rangeTemperature,
                            const at::Tensor& sigmaSpatial);

// map (B, C, h, w) enlarged to the filters' size ("bilinear", "bicubic") and filtered: (B, C, H, W). Without
// gradients in groups of channels: enlarged copies of the whole map would be the peak of memory.
at::Tensor enlargedAndFiltered(const at::Tensor& map, const at::Tensor& filters, const char* mode);

}  // namespace vitrine
