// The guided filter with a colour guidance (He, Sun and Tang 2013, section 3.5) as feature upsampler.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine::guided {

struct Options {
    int64_t radius = 0;     // window of 2 radius + 1 pixels; 0: one cell of the feature grid
    double epsilon = 1e-4;  // added to the guidance's variance, in units of its values squared
};

// features (C, h, w), guidance (3, H, W) in [0,1] -> (C, H, W) float32. Works through a few channels at a
// time. InvalidArgument for a guidance smaller than the grid or options out of range; ShapeMismatch and the
// like as core/features/checks.h gives them.
Result<at::Tensor> upsample(const at::Tensor& features, const at::Tensor& guidance,
                            const Options& options = {});

}  // namespace vitrine::guided
