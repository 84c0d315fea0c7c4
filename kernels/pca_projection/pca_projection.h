// Projection of every feature vector onto a few directions: out[k,n] = sum_c components[k,c] (x[c,n] -
// mean[c]).
#pragma once

#include "kernels/common/element.h"

namespace vitrine::kernels {

// features (channels, count), mean (channels), components (rows, channels), out (rows, count); contiguous.
template <typename T>
struct PcaProjectionArguments {
    using Real = typename Accumulated<T>::type;
    const T* features;
    const Real* mean;
    const Real* components;
    Real* out;
    int64_t channels, count, rows;
};

// T: float, double, Half, BFloat16. Threaded.
template <typename T>
void pcaProjectionCpu(const PcaProjectionArguments<T>& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. Does not wait.
template <typename T>
void pcaProjectionCuda(const PcaProjectionArguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
