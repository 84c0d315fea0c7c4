// The precompiled header of every LibTorch file. ATen and the module base class only: <torch/torch.h> doubles
// the time.
#pragma once
#include <ATen/ATen.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/autograd/generated/variable_factories.h>
#include <torch/nn/module.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
