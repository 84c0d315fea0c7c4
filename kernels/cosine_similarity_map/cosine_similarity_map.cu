#include "kernels/common/cuda_element.cuh"
#include "kernels/cosine_similarity_map/cosine_similarity_map.h"

namespace vitrine::kernels {
namespace {

constexpr int kRows = 4;  // queries that share one pass over the features

template <typename T>
__global__ void cosine(CosineMapArguments<T> a) {
    using Real = typename Accumulated<T>::type;
    const int64_t position = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t first = int64_t(blockIdx.y) * kRows;
    if (position >= a.count)
        return;
    Real sums[kRows] = {};
    Real squares = 0;
    for (int64_t channel = 0; channel < a.channels; ++channel) {
        const Real x = wide(a.features[channel * a.count + position]);
        squares += x * x;
        for (int row = 0; row < kRows; ++row)
            if (first + row < a.rows)
                sums[row] += a.unitQueries[(first + row) * a.channels + channel] * x;
    }
    for (int row = 0; row < kRows; ++row)
        if (first + row < a.rows)
            a.out[(first + row) * a.count + position] = squares == 0 ? Real(0) : sums[row] / sqrt(squares);
}

}  // namespace

template <typename T>
void cosineSimilarityMapCuda(const CosineMapArguments<T>& arguments, void* stream) {
    const dim3 grid(blocksFor(arguments.count, 128), blocksFor(arguments.rows, kRows));
    cosine<T><<<grid, 128, 0, static_cast<cudaStream_t>(stream)>>>(arguments);
}

template void cosineSimilarityMapCuda(const CosineMapArguments<float>&, void*);
template void cosineSimilarityMapCuda(const CosineMapArguments<double>&, void*);
template void cosineSimilarityMapCuda(const CosineMapArguments<Half>&, void*);
template void cosineSimilarityMapCuda(const CosineMapArguments<BFloat16>&, void*);

}  // namespace vitrine::kernels
