// The numerical building blocks that `vitrine verify` can check against a folder of reference outputs without
// a model: family "numeric" in meta.json. Computations by the id of the call:
//   stack, stage     learned joint bilateral upsampling (weights: FeatUp's names)
//   adaptive_conv    spatially varying filter with both gradients
//   sparse24         N:M masks, kept values and their positions
//   fp8              8-bit floating formats and quantisation
//   full, plain      selective scan with all gradients; causal_conv1d (numeric_scan.h)
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace vitrine {

// True if meta.json describes a numeric case of which every call is known here.
bool isNumericCase(const Json& meta);

// Runs one entry of meta.json's "calls". `inputs`: all tensors of inputs.safetensors by their names;
// `weights`: those of model.safetensors (empty if the case has none). Returns tensors under the names that
// call["outputs"] lists. Errors: UnknownFamily for a call that is not known, NotFound for a missing input.
Result<std::map<std::string, at::Tensor>> runNumericCase(const Json& meta, const Json& call,
                                                         const std::map<std::string, at::Tensor>& inputs,
                                                         const std::map<std::string, at::Tensor>& weights);

}  // namespace vitrine
