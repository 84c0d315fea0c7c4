#include "kernels/common/cuda_element.cuh"
#include "kernels/pca_projection/pca_projection.h"

namespace vitrine::kernels {
namespace {

constexpr int kRows = 4;  // rows that share one pass over the features

// One thread for one position and up to kRows rows; neighbouring threads read neighbouring positions.
template <typename T>
__global__ void project(PcaProjectionArguments<T> a) {
    using Real = typename Accumulated<T>::type;
    const int64_t position = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t first = int64_t(blockIdx.y) * kRows;
    if (position >= a.count)
        return;
    Real sums[kRows] = {};
    for (int64_t channel = 0; channel < a.channels; ++channel) {
        const Real x = wide(a.features[channel * a.count + position]) - a.mean[channel];
        for (int row = 0; row < kRows; ++row)
            if (first + row < a.rows)
                sums[row] += a.components[(first + row) * a.channels + channel] * x;
    }
    for (int row = 0; row < kRows; ++row)
        if (first + row < a.rows)
            a.out[(first + row) * a.count + position] = sums[row];
}

}  // namespace

template <typename T>
void pcaProjectionCuda(const PcaProjectionArguments<T>& arguments, void* stream) {
    const dim3 grid(blocksFor(arguments.count, 128), blocksFor(arguments.rows, kRows));
    project<T><<<grid, 128, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}

template void pcaProjectionCuda(const PcaProjectionArguments<float>&, void*);
template void pcaProjectionCuda(const PcaProjectionArguments<double>&, void*);
template void pcaProjectionCuda(const PcaProjectionArguments<Half>&, void*);
template void pcaProjectionCuda(const PcaProjectionArguments<BFloat16>&, void*);

}  // namespace vitrine::kernels
