#include "kernels/pca_projection/pca_projection.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace vitrine::kernels {
namespace {

constexpr int64_t kTile = 256;  // positions at a time: a tile's sums of a few rows stay in the first cache
constexpr int64_t kRows = 4;    // rows that share one pass over the features

template <typename T>
struct Body {
    using Real = typename Accumulated<T>::type;

    template <int Bytes>
    static VITRINE_INLINE void tile(const PcaProjectionArguments<T>& a, int64_t start, int64_t size,
                                    int64_t firstRow, int64_t rowCount) {
        alignas(64) Real sums[kRows][kTile];
        alignas(64) Real buffer[kTile];
        for (int64_t row = 0; row < rowCount; ++row)
            for (int64_t index = 0; index < size; ++index)
                sums[row][index] = 0;
        for (int64_t channel = 0; channel < a.channels; ++channel) {
            const Real* x = widened(a.features + channel * a.count + start, size, buffer);
            const Real mean = a.mean[channel];
            for (int64_t row = 0; row < rowCount; ++row) {
                const Real weight = a.components[(firstRow + row) * a.channels + channel];
                for (int64_t index = 0; index < size; ++index)
                    sums[row][index] += weight * (x[index] - mean);
            }
        }
        for (int64_t row = 0; row < rowCount; ++row)
            std::copy_n(sums[row], size, a.out + (firstRow + row) * a.count + start);
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const PcaProjectionArguments<T>* a, int64_t begin, int64_t end) {
        for (int64_t start = begin * kTile; start < std::min(end * kTile, a->count); start += kTile)
            for (int64_t row = 0; row < a->rows; row += kRows)
                tile<Bytes>(*a, start, std::min(kTile, a->count - start), row,
                            std::min(kRows, a->rows - row));
    }
};

}  // namespace

template <typename T>
void pcaProjectionCpu(const PcaProjectionArguments<T>& arguments) {
    at::parallel_for(0, (arguments.count + kTile - 1) / kTile, 1,
                     [&](int64_t begin, int64_t end) { simd::dispatch<Body<T>>(&arguments, begin, end); });
}

template void pcaProjectionCpu(const PcaProjectionArguments<float>&);
template void pcaProjectionCpu(const PcaProjectionArguments<double>&);
template void pcaProjectionCpu(const PcaProjectionArguments<Half>&);
template void pcaProjectionCpu(const PcaProjectionArguments<BFloat16>&);

}  // namespace vitrine::kernels
