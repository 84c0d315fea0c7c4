// Folders of RADIO and E-RADIO models, written and loaded by tests.
#pragma once

#include "core/models/model.h"
#include "core/nn/weights.h"

#include <torch/nn/module.h>

#include <filesystem>
#include <memory>

namespace vitrine::testing {

// The model in `folder`; null, and the test fails, where it does not load.
std::unique_ptr<Model> loaded(const std::filesystem::path& folder);

// All parameters and buffers.
TensorMap tensorsOf(const torch::nn::Module& module);

// config.json and model.safetensors.
void writeFolder(const std::filesystem::path& folder, const Json& config, const TensorMap& tensors);

// (batch, 3, height, width) in [0, 1], the same at every call.
at::Tensor randomPixels(int64_t height, int64_t width, int64_t batch = 1);

}  // namespace vitrine::testing
