// Numeric cases of `vitrine verify` that concern compression: NVFP4. The same form as
// core/features/numeric_cases.h, where FP8 and the masks of 2:4 sparsity are.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace vitrine {

// True if meta.json describes a numeric case of which every call is known here.
bool isCompressionCase(const Json& meta);

// Runs one entry of meta.json's "calls" on the tensors of inputs.safetensors; gives tensors under the names
// that call["outputs"] lists. Errors: UnknownFamily for a call that is not known, NotFound for a missing
// input, ShapeMismatch.
Result<std::map<std::string, at::Tensor>> runCompressionCase(const Json& meta, const Json& call,
                                                             const std::map<std::string, at::Tensor>& inputs);

}  // namespace vitrine
