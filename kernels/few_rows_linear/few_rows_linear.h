// A linear layer of a few vectors, as a language model has one for each new token: bound by reading the
// weight once, which one thread of BLAS does slower than the memory allows.
#pragma once

#include <cstdint>

namespace vitrine::kernels {

// y = x Wᵀ + b. x (rows, inputs), weight (outputs, inputs), bias (outputs) or nullptr, y (rows, outputs);
// contiguous.
struct FewRowsLinearArguments {
    const float* x;
    const float* weight;
    const float* bias;
    float* y;
    int64_t rows, inputs, outputs;
};

// Threaded over outputs.
void fewRowsLinearCpu(const FewRowsLinearArguments& arguments);

}  // namespace vitrine::kernels
