// ViTDet windows: raster order <-> window-major order of patch tokens, and attention of windows seen as one
// map.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::radio {

// (B, h·w, D) -> (B·windows, ω², D); window-major, windows and patches row by row.
at::Tensor toWindows(const at::Tensor& patches, int64_t height, int64_t width, int64_t windowSize);
// The inverse.
at::Tensor fromWindows(const at::Tensor& windows, int64_t height, int64_t width, int64_t windowSize);
// (B·windows, heads, ω², ω²) -> (B, heads, prefix + h·w, prefix + h·w): zero between windows, prefix tokens
// attend to themselves alone (they pass windowed blocks untouched).
at::Tensor spreadWindowAttention(const at::Tensor& attention, int64_t height, int64_t width,
                                 int64_t windowSize, int64_t prefixTokens);

}  // namespace vitrine::radio
