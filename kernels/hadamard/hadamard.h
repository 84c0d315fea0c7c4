// Fast Walsh-Hadamard transform: vectors times a Sylvester matrix in order * log2(order) additions.
//   out[r,i,k] = scale * sum_j (-1)^popcount(i & j) input[r,j,k]
// Sylvester's matrix H(2n) = [[H(n), H(n)], [H(n), -H(n)]] has exactly these signs. scale = 1 / sqrt(order)
// makes it orthonormal, and then its own inverse.
#pragma once

#include "kernels/common/element.h"

namespace vitrine::kernels {

// input and out (rows, order, inner), contiguous; order is a power of two. They may be the same memory where
// T is Real.
template <typename T>
struct HadamardArguments {
    using Real = typename Accumulated<T>::type;
    const T* input;
    Real* out;
    int64_t rows, order, inner;
    Real scale;
};

// T: float, double, Half, BFloat16. Threaded.
template <typename T>
void hadamardCpu(const HadamardArguments<T>& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. Does not wait.
template <typename T>
void hadamardCuda(const HadamardArguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
