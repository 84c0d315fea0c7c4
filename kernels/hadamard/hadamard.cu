#include "kernels/common/cuda_element.cuh"
#include "kernels/hadamard/hadamard.h"

#include <algorithm>

namespace vitrine::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kSharedBytes = 32768;

// One block for `tile` = part * inner neighbouring elements: all stages of strides inner .. part * inner / 2.
template <typename T>
__global__ void transformTiles(HadamardArguments<T> a, int64_t part) {
    using Real = typename Accumulated<T>::type;
    extern __shared__ unsigned char bytes[];
    Real* values = reinterpret_cast<Real*>(bytes);
    const int64_t tile = part * a.inner, start = int64_t(blockIdx.x) * tile;
    for (int64_t index = threadIdx.x; index < tile; index += blockDim.x)
        values[index] = wide(a.input[start + index]) * a.scale;
    for (int64_t stride = a.inner; stride < tile; stride *= 2) {
        __syncthreads();
        for (int64_t pair = threadIdx.x; pair < tile / 2; pair += blockDim.x) {
            const int64_t first = pair / stride * 2 * stride + pair % stride;
            const Real left = values[first], right = values[first + stride];
            values[first] = left + right;
            values[first + stride] = left - right;
        }
    }
    __syncthreads();
    for (int64_t index = threadIdx.x; index < tile; index += blockDim.x)
        a.out[start + index] = values[index];
}

// Inner parts too large for shared memory: conversion and scale only.
template <typename T>
__global__ void scaleAll(HadamardArguments<T> a, int64_t count) {
    const int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index < count)
        a.out[index] = wide(a.input[index]) * a.scale;
}

// One stage in place; one thread for one pair.
template <typename Real>
__global__ void stage(Real* values, int64_t pairs, int64_t stride) {
    const int64_t pair = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (pair >= pairs)
        return;
    const int64_t first = pair / stride * 2 * stride + pair % stride;
    const Real left = values[first], right = values[first + stride];
    values[first] = left + right;
    values[first + stride] = left - right;
}

}  // namespace

template <typename T>
void hadamardCuda(const HadamardArguments<T>& a, void* stream) {
    using Real = typename Accumulated<T>::type;
    const auto queue = static_cast<cudaStream_t>(stream);
    const int64_t count = a.rows * a.order * a.inner;
    int64_t part = a.order;  // positions of the order that one tile holds
    while (part > 1 && part * a.inner * int64_t(sizeof(Real)) > kSharedBytes)
        part /= 2;
    const int64_t tile = part * a.inner;
    if (tile * int64_t(sizeof(Real)) <= kSharedBytes)
        transformTiles<T><<<unsigned(count / tile), kThreads, size_t(tile) * sizeof(Real), queue>>>(a, part);
    else
        scaleAll<T><<<blocksFor(count, kThreads), kThreads, 0, queue>>>(a, count);
    for (int64_t stride = tile; stride < a.order * a.inner; stride *= 2)
        stage<Real><<<blocksFor(count / 2, kThreads), kThreads, 0, queue>>>(a.out, count / 2, stride);
}

template void hadamardCuda(const HadamardArguments<float>&, void*);
template void hadamardCuda(const HadamardArguments<double>&, void*);
template void hadamardCuda(const HadamardArguments<Half>&, void*);
template void hadamardCuda(const HadamardArguments<BFloat16>&, void*);

}  // namespace vitrine::kernels
