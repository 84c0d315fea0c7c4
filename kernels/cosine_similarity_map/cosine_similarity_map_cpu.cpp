#include "kernels/cosine_similarity_map/cosine_similarity_map.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace vitrine::kernels {
namespace {

constexpr int64_t kTile = 256;
constexpr int64_t kRows = 4;  // queries that share one pass over the features

template <typename T>
struct Body {
    using Real = typename Accumulated<T>::type;

    template <int Bytes>
    static VITRINE_INLINE void tile(const CosineMapArguments<T>& a, int64_t start, int64_t size,
                                    int64_t firstRow, int64_t rowCount) {
        alignas(64) Real sums[kRows][kTile];
        alignas(64) Real squares[kTile];
        alignas(64) Real buffer[kTile];
        for (int64_t index = 0; index < size; ++index)
            squares[index] = 0;
        for (int64_t row = 0; row < rowCount; ++row)
            for (int64_t index = 0; index < size; ++index)
                sums[row][index] = 0;
        for (int64_t channel = 0; channel < a.channels; ++channel) {
            const Real* x = widened(a.features + channel * a.count + start, size, buffer);
            for (int64_t index = 0; index < size; ++index)
                squares[index] += x[index] * x[index];
            for (int64_t row = 0; row < rowCount; ++row) {
                const Real weight = a.unitQueries[(firstRow + row) * a.channels + channel];
                for (int64_t index = 0; index < size; ++index)
                    sums[row][index] += weight * x[index];
            }
        }
        for (int64_t row = 0; row < rowCount; ++row) {
            Real* out = a.out + (firstRow + row) * a.count + start;
            for (int64_t index = 0; index < size; ++index)
                out[index] = squares[index] == 0 ? Real(0) : sums[row][index] / std::sqrt(squares[index]);
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const CosineMapArguments<T>* a, int64_t begin, int64_t end) {
        for (int64_t start = begin * kTile; start < std::min(end * kTile, a->count); start += kTile)
            for (int64_t row = 0; row < a->rows; row += kRows)
                tile<Bytes>(*a, start, std::min(kTile, a->count - start), row,
                            std::min(kRows, a->rows - row));
    }
};

}  // namespace

template <typename T>
void cosineSimilarityMapCpu(const CosineMapArguments<T>& arguments) {
    at::parallel_for(0, (arguments.count + kTile - 1) / kTile, 1,
                     [&](int64_t begin, int64_t end) { simd::dispatch<Body<T>>(&arguments, begin, end); });
}

template void cosineSimilarityMapCpu(const CosineMapArguments<float>&);
template void cosineSimilarityMapCpu(const CosineMapArguments<double>&);
template void cosineSimilarityMapCpu(const CosineMapArguments<Half>&);
template void cosineSimilarityMapCpu(const CosineMapArguments<BFloat16>&);

}  // namespace vitrine::kernels
