// How operators get their gradients: one torch::autograd::Function each, whose forward calls the operator
// below autograd (through operatorNamed) and whose backward calls the operators of the gradient, registered
// under the dispatch key Autograd in a file beside the kernel (TORCH_LIBRARY_IMPL(vitrine, Autograd,
// library)). One registration serves all devices.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace vitrine::kernels {

using AutogradContext = torch::autograd::AutogradContext;
using VariableList = torch::autograd::variable_list;

// The operator "vitrine::name"; keep it in a static variable.
template <typename Signature>
c10::TypedOperatorHandle<Signature> operatorNamed(const char* name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace vitrine::kernels
