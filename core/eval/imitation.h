// How well a student's adaptor head says what its teacher says, over many pictures (AM-RADIO and RADIOv2.5:
// error to the teacher against the student's resolution shows the mode switch).
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <optional>

namespace vitrine {

struct ImitationScores {
    // Mean |ŷ - y|² over mean |y - ȳ|², y the teacher's vectors on the grid of the comparison: 0 is equal, 1
    // as bad as their mean vector ȳ.
    double error = 0;
    double cosine = 0;                    // mean cosine of ŷ and y
    std::optional<double> summaryCosine;  // of the summaries, where both have one of the same width
    int64_t places = 0, pictures = 0;
};

class ImitationError {
  public:
    // student, teacher (B, C, h, w), each on its own grid, of the same pictures. Both are averaged over areas
    // to the coarser grid of each axis, so that neither is asked for what it cannot resolve. ShapeMismatch
    // for other channels or pictures, InvalidArgument for values that are not finite.
    Result<void> addMaps(const at::Tensor& student, const at::Tensor& teacher);
    // (B, S) each.
    Result<void> addSummaries(const at::Tensor& student, const at::Tensor& teacher);
    // InvalidArgument before the first map, or where all vectors of the teacher are equal.
    Result<ImitationScores> scores() const;

  private:
    at::Tensor sum_;  // (C) float64, of the teacher's vectors
    double squares_ = 0, errors_ = 0, cosines_ = 0, summaryCosines_ = 0;
    int64_t places_ = 0, pictures_ = 0, summaries_ = 0;
};

}  // namespace vitrine
