// Numeric cases of `vitrine verify` about state-space models: the selective scan (calls "full" and "plain",
// told by their inputs u and delta) and the causal depthwise convolution in front of it ("causal_conv1d").
// Part of numeric_cases.h.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace vitrine {

bool isScanCall(const Json& call);

// Outputs and, where the inputs hold gradients of the outputs, gradients of the inputs. `inputs`: all tensors
// of inputs.safetensors. NotFound for a missing input.
Result<std::map<std::string, at::Tensor>> runScanCall(const Json& call,
                                                      const std::map<std::string, at::Tensor>& inputs);

}  // namespace vitrine
