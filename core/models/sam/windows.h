// Cutting a map into square windows and laying them together again, for attention inside windows.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::sam {

// (B, H, W, C) -> (B · windows, size, size, C), row by row; zeros fill up the right and lower edge.
at::Tensor splitIntoWindows(const at::Tensor& map, int64_t size);
// Back to (B, height, width, C), without the filling.
at::Tensor joinWindows(const at::Tensor& windows, int64_t size, int64_t height, int64_t width);

}  // namespace vitrine::sam
