#include "kernels/common/cuda_element.cuh"
#include "kernels/nm_scan/nm_scan.h"

namespace vitrine::kernels {
namespace {

constexpr int64_t kMaxBlocks = 4096;  // a grid-stride loop covers the rest

// One thread for one group; see nm_scan_cpu.cpp for the ranking.
template <typename T>
__global__ void selectMask(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m) {
    using Real = typename Accumulated<T>::type;
    const int64_t stride = int64_t(gridDim.x) * blockDim.x;
    for (int64_t group = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; group < groups; group += stride) {
        Real value[kMaxGroup];
        for (int64_t index = 0; index < m; ++index) {
            const Real x = wide(scores[group * m + index]);
            value[index] = x == x ? x : -INFINITY;
        }
        for (int64_t index = 0; index < m; ++index) {
            int64_t rank = 0;
            for (int64_t other = 0; other < m; ++other)
                rank += other < index ? value[other] >= value[index] : value[other] > value[index];
            mask[group * m + index] = uint8_t(rank < n);
        }
    }
}

// Each block counts in shared memory, then adds its part once.
template <typename T>
__global__ void countNonZeros(const T* weight, unsigned long long* histogram, int64_t groups, int64_t m) {
    __shared__ unsigned long long part[kMaxGroup + 1];
    for (int64_t index = threadIdx.x; index <= m; index += blockDim.x)
        part[index] = 0;
    __syncthreads();
    const int64_t stride = int64_t(gridDim.x) * blockDim.x;
    for (int64_t group = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; group < groups; group += stride) {
        int count = 0;
        for (int64_t index = 0; index < m; ++index)
            count += wide(weight[group * m + index]) != 0;
        atomicAdd(&part[count], 1ULL);
    }
    __syncthreads();
    for (int64_t index = threadIdx.x; index <= m; index += blockDim.x)
        if (part[index])
            atomicAdd(&histogram[index], part[index]);
}

unsigned gridFor(int64_t groups) {
    const int64_t blocks = (groups + 255) / 256;
    return unsigned(blocks < kMaxBlocks ? blocks : kMaxBlocks);
}

}  // namespace

template <typename T>
void nmMaskCuda(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m, void* stream) {
    if (groups > 0)
        selectMask<T>
            <<<gridFor(groups), 256, 0, static_cast<cudaStream_t>(stream)>>>(scores, mask, groups, n, m);
}

template <typename T>
void nmScanCuda(const T* weight, int64_t* histogram, int64_t groups, int64_t m, void* stream) {
    const auto queue = static_cast<cudaStream_t>(stream);
    cudaMemsetAsync(histogram, 0, size_t(m + 1) * sizeof(int64_t), queue);
    if (groups > 0)
        countNonZeros<T><<<gridFor(groups), 256, 0, queue>>>(
            weight, reinterpret_cast<unsigned long long*>(histogram), groups, m);
}

#define VITRINE_INSTANTIATE(T)                                                      \
    template void nmMaskCuda(const T*, uint8_t*, int64_t, int64_t, int64_t, void*); \
    template void nmScanCuda(const T*, int64_t*, int64_t, int64_t, void*);
VITRINE_INSTANTIATE(float)
VITRINE_INSTANTIATE(double)
VITRINE_INSTANTIATE(Half)
VITRINE_INSTANTIATE(BFloat16)
#undef VITRINE_INSTANTIATE

}  // namespace vitrine::kernels
