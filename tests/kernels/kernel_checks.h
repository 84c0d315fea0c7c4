// What tests of kernels share: devices to run on, outputs poisoned with NaN, errors against float64 and
// gradients against difference quotients.
#pragma once

#include "kernels/cuda_loader.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace vitrine::kernels {

inline std::vector<at::Device> testedDevices() {
    std::vector<at::Device> found{at::kCPU};
    if (loadCudaKernels())
        found.emplace_back(at::kCUDA);
    return found;
}

// Leaves NaN in the allocator's free blocks of the sizes that the next call is likely to take.
inline void poisonFreeBlocks(const at::Tensor& like) {
    std::vector<at::Tensor> blocks;
    for (int copy = 0; copy < 4; ++copy)
        blocks.push_back(at::full_like(like, std::nan("")));
}

// |found - expected| / |expected|; NaN or another shape fails the test.
inline double errorAgainst(const at::Tensor& found, const at::Tensor& expected) {
    const auto a = found.detach().to(at::kCPU, at::kDouble), b = expected.detach().to(at::kCPU, at::kDouble);
    EXPECT_EQ(a.sizes(), b.sizes());
    EXPECT_TRUE(a.isfinite().all().item<bool>());
    return ((a - b).norm() / (b.norm() + 1e-300)).item<double>();
}

using TensorList = std::vector<at::Tensor>;

// Gradients of <function(inputs), direction> with respect to every input.
inline TensorList gradientsOf(const std::function<at::Tensor(const TensorList&)>& function,
                              const TensorList& inputs, const at::Tensor& direction) {
    const at::AutoGradMode withGradients(true);
    TensorList leaves;
    for (const auto& input : inputs)
        leaves.push_back(input.detach().clone().requires_grad_());
    const auto out = function(leaves);
    for (const auto& leaf : leaves)
        poisonFreeBlocks(leaf.detach());
    out.backward(direction);
    TensorList grads;
    for (const auto& leaf : leaves)
        grads.push_back(leaf.grad());
    return grads;
}

// Largest difference between gradients and central difference quotients along `tries` random directions,
// relative to the quotient. Inputs are float64.
inline double differenceQuotientError(const std::function<at::Tensor(const TensorList&)>& function,
                                      const TensorList& inputs, int tries = 3) {
    const auto shape = function(inputs).detach();
    double worst = 0;
    for (int attempt = 0; attempt < tries; ++attempt) {
        const auto direction = at::randn_like(shape);
        const auto grads = gradientsOf(function, inputs, direction);
        for (size_t index = 0; index < inputs.size(); ++index) {
            const auto change = at::randn_like(inputs[index]);
            const double step = 1e-5;
            const at::NoGradGuard plain;
            TensorList ahead = inputs, behind = inputs;
            ahead[index] = inputs[index] + step * change;
            behind[index] = inputs[index] - step * change;
            const double quotient =
                ((function(ahead) - function(behind)) * direction).sum().item<double>() / (2 * step);
            const double found = (grads[index] * change).sum().item<double>();
            worst = std::max(worst, std::abs(found - quotient) / std::max(1.0, std::abs(quotient)));
        }
    }
    return worst;
}

}  // namespace vitrine::kernels
