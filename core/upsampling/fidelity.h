// How good fine features are.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

// Mean squared jump between neighbours across the seams of tiles over that elsewhere; 1: no seam can be told.
// map (B, C, grid·factor, grid·factor), seams at every `grid`-th row and column. Elsewhere: between cells
// that lie to the coarse grid as those at the seams do, since interpolated maps jump more at some places of
// every coarse cell than at others. NaN if there is no such place or no jump at all.
double seamRatio(const at::Tensor& map, int64_t grid, int64_t factor, int64_t border = 4);

// Fine maps against the encoder's own features at that resolution, summed over pictures. A rotation and one
// scale change nothing: the result is that of PHI-S space.
struct TruthComparison {
    double fidelity = 0;  // variance of the truth over the mean squared error; 1: no better than its mean
    double cosine = 0;    // mean over places
};

class TruthSums {
  public:
    // Both (B, C, H, W), the same C at every call. ShapeMismatch; InvalidArgument for values that are not
    // finite.
    Result<void> add(const at::Tensor& fine, const at::Tensor& truth);
    // InvalidArgument for a truth without variance, or nothing added.
    Result<TruthComparison> result() const;

  private:
    double places_ = 0, error_ = 0, cosine_ = 0;
    at::Tensor sum_, squares_;  // (C) float64
};

}  // namespace vitrine
