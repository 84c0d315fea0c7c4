// Filling a module's parameters from a checkpoint. Every parameter and buffer must be found with its exact
// shape; what is missing, misshapen or left over is named. A module registers its tensors under the
// checkpoint's own public names, so the same names serve loading, training and saving.
#pragma once

#include "core/base/result.h"
#include "core/io/tensor_source.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vitrine {

struct LoadOptions {
    at::Device device = at::kCPU;
    at::ScalarType dtype =
        at::kFloat;  // floating tensors are converted to this; integer ones keep their type
};

// The torch element type of a stored one, or nothing for formats that LibTorch has no type for.
std::optional<at::ScalarType> torchType(DType dtype);
DType dtypeOfTorch(at::ScalarType type);

// Copy-free view of stored bytes as a CPU tensor (it keeps the memory map alive). Never write into it.
Result<at::Tensor> tensorFromBytes(const TensorBytes& bytes);
// Reads one tensor, converted to `options` (floating point only).
Result<at::Tensor> readTensor(const TensorSource& source, const std::string& name,
                              const LoadOptions& options);

// All tensors of a small file (inputs, expected outputs), unconverted.
Result<std::map<std::string, at::Tensor>> readAllTensors(const TensorSource& source);
// Writes tensors as one safetensors file, floating ones as `type` where it is given. They are fetched from
// their device and converted one after another.
Result<void> writeTensors(const std::filesystem::path& file, const std::map<std::string, at::Tensor>& tensors,
                          const std::map<std::string, std::string>& metadata = {},
                          std::optional<at::ScalarType> type = {});

struct LoadRules {
    // Checkpoint name of a module's parameter name; identity if not set. An empty result: this parameter has
    // no stored counterpart and keeps its value.
    std::function<std::string(const std::string&)> storedName;
    // Called when the stored tensor of a parameter is absent or needs computing (packed, re-parametrised or
    // tied weights): returns a tensor of the parameter's shape, or an undefined tensor for "really missing".
    std::function<Result<at::Tensor>(const std::string& parameterName, const TensorSource&)> derive;
    // Stored names that may be left over, as prefixes ("text_model.") or whole names.
    std::vector<std::string> ignoredPrefixes;
    bool refuseLeftovers = false;  // otherwise they are listed in LoadReport only
};

struct LoadReport {
    std::vector<std::string> leftovers;  // stored tensors that no parameter took
};

// Errors: NotFound lists missing tensors (up to five, with the nearest stored name), ShapeMismatch names the
// tensor with expected and found shape.
Result<LoadReport> loadWeights(torch::nn::Module& module, const TensorSource& source,
                               const LoadOptions& options, const LoadRules& rules = {});

}  // namespace vitrine
