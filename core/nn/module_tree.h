// Registering layers and tensors under dotted names, so that a network written once takes the names of
// whichever checkpoint layout it is loaded from.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>

namespace vitrine::nn {

// The module that holds the last part of `path` ("a.b.c" -> the module "a.b", made where it is absent).
torch::nn::Module& holderOf(torch::nn::Module& root, const std::string& path);
// The last part of a dotted name.
std::string lastPart(const std::string& path);

template <typename T>
std::shared_ptr<T> registerAt(torch::nn::Module& root, const std::string& path, std::shared_ptr<T> module) {
    return holderOf(root, path).register_module(lastPart(path), std::move(module));
}

// An uninitialised parameter.
at::Tensor parameterAt(torch::nn::Module& root, const std::string& path, at::IntArrayRef shape);

}  // namespace vitrine::nn
