// Cosine probes: how like a chosen patch, brushed region or vector is every place of a map? Maps are (C, h,
// w), native or upsampled; results are (h, w) or (Q, h, w) float32 in [-1, 1], 0 where a feature vector is
// zero.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

// Feature vector (C) of one patch. Errors: outside the grid.
Result<at::Tensor> patchVector(const at::Tensor& map, int64_t row, int64_t column);
// Mean (C) of the features under a brush; mask (h, w), non-zero is selected. Errors: empty selection, other
// size.
Result<at::Tensor> brushVector(const at::Tensor& map, const at::Tensor& mask);

// vectors (C) or (Q, C). ShapeMismatch names both channel counts.
Result<at::Tensor> cosineMap(const at::Tensor& map, const at::Tensor& vectors);

// For pairs of pictures: best match in `target` (C, h', w') of every patch of `source` (C, h, w).
struct Correspondence {
    at::Tensor match;       // (h, w) int64: token index row * w' + column in the target
    at::Tensor similarity;  // (h, w) cosine to the match
    at::Tensor ratio;  // (h, w): cosine distance to the match over that to the best patch that is not its
                       // neighbour (Lowe's ratio; small is unambiguous; 1 where nothing else is there)
    at::Tensor consistent;  // (h, w) bool: going back from the match ends within `tolerance` patches
};
struct CorrespondenceOptions {
    int64_t tolerance = 1;  // patches, in either direction, for the forward-backward check
};
Result<Correspondence> denseCorrespondence(const at::Tensor& source, const at::Tensor& target,
                                           const CorrespondenceOptions& options = {});

}  // namespace vitrine
