#include "core/compress/sweep_block.h"

#include "kernels/common/simd.h"
#include "kernels/low_bit/low_bit_numbers.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace vitrine {
namespace {

using kernels::LowBitFormat;
namespace simd = kernels::simd;

constexpr int64_t kColumns = SweepBlock::kMostColumns;

// What a weight becomes by encoding and decoding it.
VITRINE_INLINE float rounded(const SweepBlock& block, int64_t row, int64_t column, float value) {
    const int64_t place = row * block.groups + block.groupOfColumn[column];
    const float scale = block.scales[place] * block.tensorScale;
    switch (block.format) {
        case LowBitFormat::Affine:
        case LowBitFormat::Symmetric: {
            const float zero = block.zeros[place], last = float((1 << block.bits) - 1);
            float q = __builtin_rintf(value / scale) + zero;
            q = q > 0.f ? q : 0.f;
            q = q < last ? q : last;
            return scale * (q - zero);
        }
        case LowBitFormat::Nf4:
            return kernels::kNormalFloat4[kernels::nf4Code(value / scale)] * scale;
        case LowBitFormat::Nvfp4: {
            if (scale == 0)
                return 0;
            const uint32_t code = kernels::e2m1Code(value / scale);
            return (code & 8 ? -scale : scale) * kernels::kE2M1[code & 7];
        }
        default: {
            const kernels::Fp8Layout layout = kernels::fp8Layout(block.format);
            const float x = std::clamp(value / scale, -layout.largest, layout.largest);
            return kernels::fp8Value(kernels::fp8Code(x, layout.mantissaBits, layout.bias),
                                     layout.mantissaBits, layout.bias) *
                   scale;
        }
    }
}

// Marks the n best of the m columns from `first` on; the lower index wins ties.
VITRINE_INLINE void choose(const float* w, const float* diagonal, int64_t first, int64_t n, int64_t m,
                           uint8_t* mask) {
    float score[32];
    for (int64_t index = 0; index < m; ++index) {
        const float ratio = w[first + index] / diagonal[first + index];
        score[index] = ratio * ratio;
    }
    for (int64_t index = 0; index < m; ++index) {
        int64_t rank = 0;
        for (int64_t other = 0; other < m; ++other)
            rank += other < index ? score[other] >= score[index] : score[other] > score[index];
        mask[first + index] = uint8_t(rank < n);
    }
}

// `Rows` rows side by side: each waits for its own last column, so one alone would leave the processor idle.
struct Body {
    template <int Bytes, int Rows>
    static VITRINE_INLINE void rows(const SweepBlock& block, int64_t first) {
        using V = simd::Vec<float, Bytes>;
        constexpr int64_t kLanes = Bytes / 4;
        alignas(64) float w[Rows][kColumns] = {};
        const int64_t width = (block.columns + kLanes - 1) / kLanes * kLanes;
        for (int r = 0; r < Rows; ++r)
            std::copy_n(block.weight + (first + r) * block.stride, block.columns, w[r]);
        for (int64_t column = 0; column < block.columns; ++column) {
            float error[Rows];
            for (int r = 0; r < Rows; ++r) {
                const int64_t row = first + r;
                uint8_t* mask = block.mask ? block.mask + row * block.stride : nullptr;
                if (block.m > 0 && column % block.m == 0)
                    choose(w[r], block.diagonal, column, block.n, block.m, mask);
                const float value = w[r][column];
                float fixed = mask && mask[column] == 0 ? 0.f : value;
                if (block.scales && !(mask && mask[column] == 0))
                    fixed = rounded(block, row, column, value);
                error[r] = (value - fixed) / block.diagonal[column];
                block.errors[row * block.columns + column] = error[r];
                w[r][column] = fixed;
            }
            // The factor is 0 up to the diagonal, so whole vectors may begin before the next column.
            const float* factor = block.factor + column * kColumns;
            for (int64_t start = (column + 1) / kLanes * kLanes; start < width; start += kLanes) {
                const V part = simd::load<V>(factor + start);
                for (int r = 0; r < Rows; ++r)
                    simd::store(w[r] + start, simd::load<V>(w[r] + start) - error[r] * part);
            }
        }
        for (int r = 0; r < Rows; ++r)
            std::copy_n(w[r], block.columns, block.weight + (first + r) * block.stride);
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const SweepBlock* block, int64_t begin, int64_t end) {
        constexpr int kRows = 4;
        int64_t row = begin;
        for (; row + kRows <= end; row += kRows)
            rows<Bytes, kRows>(*block, row);
        for (; row < end; ++row)
            rows<Bytes, 1>(*block, row);
    }
};

}  // namespace

void sweepBlock(const SweepBlock& block) {
    at::parallel_for(0, block.rows, 16,
                     [&](int64_t begin, int64_t end) { simd::dispatch<Body>(&block, begin, end); });
}

}  // namespace vitrine
