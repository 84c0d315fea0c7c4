#include "kernels/common/shuffle.h"
#include "kernels/sparse24/sparse24.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace vitrine::kernels {
namespace {

constexpr int64_t kGrainElements = 1 << 15;
constexpr int64_t kChunk = 1024;  // columns at a time, so that converted values stay in the first-level cache

int64_t rowGrain(int64_t columns) {
    return std::max<int64_t>(1, kGrainElements / std::max<int64_t>(columns, 1));
}

// Few rows of x: a vector of kept values takes its partners out of two vectors of x by one shuffle, whose
// indices are the metadata bits.
template <typename T, int Count>
struct FewBody {
    using Real = typename Accumulated<T>::type;
    using Integer = std::conditional_t<sizeof(Real) == 8, int64_t, int32_t>;

    template <int Bytes, int... Lane>
    static VITRINE_INLINE simd::Vec<Integer, Bytes> positions(const uint8_t* metadata,
                                                              std::integer_sequence<int, Lane...>) {
        using I = simd::Vec<Integer, Bytes>;
        constexpr int kLanes = Bytes / int(sizeof(Real));
        uint32_t bits = 0;
        __builtin_memcpy(&bits, metadata, kLanes / 4);
        const I shift{(2 * Lane)...}, base{(Lane / 2 * 4)...};
        return (((I{} + Integer(bits)) >> shift) & 3) + base;
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const Product24Arguments<T>* a, int64_t first, int64_t begin,
                                   int64_t end) {
        constexpr int kWide = std::max(Bytes, 4 * int(sizeof(Real)));
        using V = simd::Vec<Real, kWide>;
        constexpr int kLanes = kWide / int(sizeof(Real));
        constexpr auto kSequence = std::make_integer_sequence<int, kLanes>();
        const int64_t words = words24(a->columns, 4);
        const Real* x[Count];
        for (int index = 0; index < Count; ++index)
            x[index] = a->x + (first + index) * a->columns;
        Real buffer[kChunk / 2];
        for (int64_t row = begin; row < end; ++row) {
            V sums[Count] = {};
            Real rest[Count] = {};
            const auto* metadata = reinterpret_cast<const uint8_t*>(a->metadata + row * words);
            for (int64_t start = 0; start < a->columns; start += kChunk) {
                const int64_t count = std::min(kChunk, a->columns - start);
                const Real* values = widened(a->values + (row * a->columns + start) / 2, count / 2, buffer);
                int64_t column = 0;
                for (; column + 2 * int64_t(kLanes) <= count; column += 2 * int64_t(kLanes)) {
                    const auto index = positions<kWide>(metadata + (start + column) / 8, kSequence);
                    const V value = simd::load<V>(values + column / 2);
                    for (int n = 0; n < Count; ++n)
                        sums[n] +=
                            value * simd::shuffled(simd::load<V>(x[n] + start + column),
                                                   simd::load<V>(x[n] + start + column + kLanes), index);
                }
                for (; column < count; column += 4) {
                    const int64_t group = (start + column) / 4;
                    const unsigned code = unsigned(metadata[group / 2]) >> (4 * (group & 1)) & 15u;
                    for (int n = 0; n < Count; ++n)
                        rest[n] += values[column / 2] * x[n][start + column + (code & 3)] +
                                   values[column / 2 + 1] * x[n][start + column + (code >> 2)];
                }
            }
            for (int n = 0; n < Count; ++n) {
                Real sum = rest[n];
                for (int lane = 0; lane < kLanes; ++lane)
                    sum += sums[n][lane];
                a->out[(first + n) * a->rows + row] = sum + (a->bias ? a->bias[row] : Real(0));
            }
        }
    }
};

// Many rows of x: tiles of `kTile` of them, transposed, so that a kept value meets neighbouring numbers.
// Columns go in pieces whose part of the tile stays in the first-level cache.
template <typename T>
struct ManyBody {
    using Real = typename Accumulated<T>::type;
    static constexpr int64_t kTile = 64;
    static constexpr int64_t kPiece = 128;  // columns: 32 KiB of float
    static constexpr int64_t kRows = 32;    // rows of the weight whose sums are kept

    // sums[n] over the kept values of `groups` groups; x (4 groups, kTile).
    template <int Bytes>
    static VITRINE_INLINE void add(const Real* values, const uint8_t* metadata, int64_t groups, const Real* x,
                                   Real* sums) {
        using V = simd::Vec<Real, Bytes>;
        constexpr int kLanes = Bytes / int(sizeof(Real));
        constexpr int kVectors = 4;
        for (int64_t first = 0; first < kTile; first += int64_t(kVectors) * kLanes) {
            V sum[kVectors];
#pragma GCC unroll 4
            for (int index = 0; index < kVectors; ++index)
                sum[index] = simd::load<V>(sums + first + index * kLanes);
            for (int64_t group = 0; group < groups; ++group) {
                const unsigned code = unsigned(metadata[group / 2]) >> (4 * (group & 1)) & 15u;
                const Real* left = x + (4 * group + (code & 3)) * kTile + first;
                const Real* right = x + (4 * group + (code >> 2)) * kTile + first;
                const Real leftValue = values[2 * group], rightValue = values[2 * group + 1];
#pragma GCC unroll 4
                for (int index = 0; index < kVectors; ++index)
                    sum[index] += leftValue * simd::load<V>(left + index * kLanes);
#pragma GCC unroll 4
                for (int index = 0; index < kVectors; ++index)
                    sum[index] += rightValue * simd::load<V>(right + index * kLanes);
            }
#pragma GCC unroll 4
            for (int index = 0; index < kVectors; ++index)
                simd::store(sums + first + index * kLanes, sum[index]);
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const Product24Arguments<T>* a, const Real* tiles, int64_t begin,
                                   int64_t end) {
        const int64_t words = words24(a->columns, 4);
        alignas(64) Real sums[kRows * kTile];
        Real buffer[kPiece / 2];
        for (int64_t firstRow = begin; firstRow < end; firstRow += kRows) {
            const int64_t rows = std::min(kRows, end - firstRow);
            for (int64_t first = 0; first < a->count; first += kTile) {
                const Real* tile = tiles + first * a->columns;
                std::fill(sums, sums + rows * kTile, Real(0));
                for (int64_t start = 0; start < a->columns; start += kPiece) {
                    const int64_t columns = std::min(kPiece, a->columns - start);
                    for (int64_t row = 0; row < rows; ++row) {
                        const int64_t at = (firstRow + row) * a->columns + start;
                        const Real* values = widened(a->values + at / 2, columns / 2, buffer);
                        const auto* metadata =
                            reinterpret_cast<const uint8_t*>(a->metadata + (firstRow + row) * words);
                        add<Bytes>(values, metadata + start / 8, columns / 4, tile + start * kTile,
                                   sums + row * kTile);
                    }
                }
                for (int64_t n = 0; n < std::min(kTile, a->count - first); ++n)
                    for (int64_t row = 0; row < rows; ++row)
                        a->out[(first + n) * a->rows + firstRow + row] =
                            sums[row * kTile + n] + (a->bias ? a->bias[firstRow + row] : Real(0));
            }
        }
    }
};

// x (count, columns) -> (tiles, columns, kTile), zeros where a tile has no row.
template <typename Real>
std::vector<Real> transposedTiles(const Real* x, int64_t count, int64_t columns, int64_t width) {
    const int64_t tiles = (count + width - 1) / width;
    std::vector<Real> out(size_t(tiles * width * columns));
    at::parallel_for(0, tiles * columns, kGrainElements / width, [&](int64_t begin, int64_t end) {
        for (int64_t index = begin; index < end; ++index) {
            const int64_t tile = index / columns, column = index % columns;
            for (int64_t n = 0; n < std::min(width, count - tile * width); ++n)
                out[size_t(index * width + n)] = x[(tile * width + n) * columns + column];
        }
    });
    return out;
}

template <typename T, int Count>
void productOfFew(const Product24Arguments<T>& a, int64_t first) {
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        simd::dispatch<FewBody<T, Count>>(&a, first, begin, end);
    });
}

}  // namespace

template <typename T>
void product24Cpu(const Product24Arguments<T>& a) {
    constexpr int64_t kFew = 16;
    if (a.count > kFew) {
        const auto tiles = transposedTiles(a.x, a.count, a.columns, ManyBody<T>::kTile);
        const auto* data = tiles.data();
        at::parallel_for(0, a.rows, ManyBody<T>::kRows, [&](int64_t begin, int64_t end) {
            simd::dispatch<ManyBody<T>>(&a, data, begin, end);
        });
        return;
    }
    int64_t first = 0;
    for (; first + 4 <= a.count; first += 4)
        productOfFew<T, 4>(a, first);
    for (; first + 2 <= a.count; first += 2)
        productOfFew<T, 2>(a, first);
    if (first < a.count)
        productOfFew<T, 1>(a, first);
}

template void product24Cpu(const Product24Arguments<float>&);
template void product24Cpu(const Product24Arguments<double>&);
template void product24Cpu(const Product24Arguments<Half>&);
template void product24Cpu(const Product24Arguments<BFloat16>&);

}  // namespace vitrine::kernels
