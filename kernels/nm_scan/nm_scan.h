// N:M structured sparsity along rows: which weights stay, and how far a matrix already complies.
// In each group of m neighbouring columns the n largest scores stay; among equal scores the lower index
// stays; NaN ranks below everything.
#pragma once

#include "kernels/common/element.h"

namespace vitrine::kernels {

constexpr int64_t kMaxGroup = 32;  // largest m

// scores (groups * m) contiguous -> mask of ones and zeros, same size.
template <typename T>
void nmMaskCpu(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m);

// histogram[k] = number of groups with exactly k values that are not zero, k = 0..m. A group complies with
// n:m if it has at most n of them.
template <typename T>
void nmScanCpu(const T* weight, int64_t* histogram, int64_t groups, int64_t m);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. Neither waits.
template <typename T>
void nmMaskCuda(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m, void* stream);
template <typename T>
void nmScanCuda(const T* weight, int64_t* histogram, int64_t groups, int64_t m, void* stream);

}  // namespace vitrine::kernels
