// Activation recomputation (Chen et al. 2016, "Training deep nets with sublinear memory cost"): a step of a
// network keeps its input only and is computed again when its gradient is asked for.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace vitrine::nn {

// step(x), the same value and gradients as the plain call. `step` must not depend on random draws of the
// moment, and its parameters must be leaves. Without gradients, or if `x` needs none, it is the plain call.
at::Tensor recomputed(std::function<at::Tensor(const at::Tensor&)> step, const at::Tensor& x);

}  // namespace vitrine::nn
