// Cosine of every feature vector with each of a few query vectors, norms and dot products in one pass:
// out[q,n] = <x[:,n], query[q]> / (|x[:,n]| |query[q]|); 0 where either norm is 0.
#pragma once

#include "kernels/common/element.h"

namespace vitrine::kernels {

// features (channels, count), queries (rows, channels) of length 1 or 0, out (rows, count); contiguous.
template <typename T>
struct CosineMapArguments {
    using Real = typename Accumulated<T>::type;
    const T* features;
    const Real* unitQueries;
    Real* out;
    int64_t channels, count, rows;
};

// T: float, double, Half, BFloat16. Threaded.
template <typename T>
void cosineSimilarityMapCpu(const CosineMapArguments<T>& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. Does not wait.
template <typename T>
void cosineSimilarityMapCuda(const CosineMapArguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
