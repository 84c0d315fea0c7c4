#include "core/distill/channel_sums.h"

#include "kernels/common/simd.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

constexpr int64_t kTile = 64;  // channels at a time: their sums stay in registers and the first cache
constexpr int64_t kRows = 32;  // rows summed up in the rows' own type

template <typename T>
struct ChunkPointers {
    const T* rows;
    int64_t count, channels;
    double *mean, *second, *third, *fourth;
    T *low, *high, *centre, *centred;
};

// Full: the tile has kTile channels, which makes the inner loops ones of fixed length.
template <typename T>
struct TileBody {
    struct Sums {
        alignas(64) T one[kTile];
        alignas(64) T two[kTile];
        alignas(64) T three[kTile];
        alignas(64) T four[kTile];
        VITRINE_INLINE void clear() {
            for (int64_t c = 0; c < kTile; ++c)
                one[c] = two[c] = three[c] = four[c] = 0;
        }
    };

    template <bool Full>
    static VITRINE_INLINE void centre(const ChunkPointers<T>& p, int64_t first, int64_t width, T* centre) {
        alignas(64) double sum[kTile] = {};
        alignas(64) T part[kTile], low[kTile], high[kTile];
        for (int64_t c = 0; c < kTile; ++c) {
            low[c] = std::numeric_limits<T>::infinity();
            high[c] = -low[c];
        }
        const int64_t channels = Full ? kTile : width;
        for (int64_t start = 0; start < p.count; start += kRows) {
            for (int64_t c = 0; c < kTile; ++c)
                part[c] = 0;
            for (int64_t row = start; row < std::min(p.count, start + kRows); ++row) {
                const T* x = p.rows + row * p.channels + first;
                for (int64_t c = 0; c < channels; ++c) {
                    part[c] += x[c];
                    low[c] = x[c] < low[c] ? x[c] : low[c];
                    high[c] = x[c] > high[c] ? x[c] : high[c];
                }
            }
            for (int64_t c = 0; c < kTile; ++c)
                sum[c] += part[c];
        }
        for (int64_t c = 0; c < channels; ++c) {
            p.centre[first + c] = centre[c] = T(sum[c] / double(p.count));
            p.low[first + c] = low[c];
            p.high[first + c] = high[c];
        }
    }

    template <bool Full>
    static VITRINE_INLINE void powers(const ChunkPointers<T>& p, int64_t first, int64_t width,
                                      const T* centre) {
        alignas(64) double s1[kTile] = {}, s2[kTile] = {}, s3[kTile] = {}, s4[kTile] = {};
        const int64_t channels = Full ? kTile : width;
        Sums part;
        for (int64_t start = 0; start < p.count; start += kRows) {
            part.clear();
            for (int64_t row = start; row < std::min(p.count, start + kRows); ++row) {
                const T* x = p.rows + row * p.channels + first;
                T* out = p.centred + row * p.channels + first;
#pragma GCC ivdep
                for (int64_t c = 0; c < channels; ++c) {
                    const T d = x[c] - centre[c], square = d * d;
                    out[c] = d;
                    part.one[c] += d;
                    part.two[c] += square;
                    part.three[c] += square * d;
                    part.four[c] += square * square;
                }
            }
            for (int64_t c = 0; c < kTile; ++c) {
                s1[c] += part.one[c];
                s2[c] += part.two[c];
                s3[c] += part.three[c];
                s4[c] += part.four[c];
            }
        }
        const double n = double(p.count);
        for (int64_t c = 0; c < channels; ++c) {
            // From powers around the centre to powers around the mean, which lies d further.
            const double d = s1[c] / n;
            p.mean[first + c] = double(centre[c]) + d;
            p.second[first + c] = std::max(0.0, s2[c] - n * d * d);
            p.third[first + c] = s3[c] - 3 * d * s2[c] + 2 * n * d * d * d;
            p.fourth[first + c] = s4[c] - 4 * d * s3[c] + 6 * d * d * s2[c] - 3 * n * d * d * d * d;
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const ChunkPointers<T>* p, int64_t begin, int64_t end) {
        alignas(64) T centres[kTile];
        for (int64_t tile = begin; tile < end; ++tile) {
            const int64_t first = tile * kTile, width = std::min(kTile, p->channels - first);
            if (width == kTile) {
                centre<true>(*p, first, width, centres);
                powers<true>(*p, first, width, centres);
            } else {
                centre<false>(*p, first, width, centres);
                powers<false>(*p, first, width, centres);
            }
        }
    }
};

template <typename T>
CentredChunk centreOnCpu(const at::Tensor& rows) {
    const int64_t channels = rows.size(1);
    const auto doubles = [&] { return at::empty({channels}, at::kDouble); };
    const auto own = [&] { return at::empty({channels}, rows.options()); };
    CentredChunk chunk{{rows.size(0), doubles(), doubles(), doubles(), doubles(), own(), own()},
                       at::empty_like(rows),
                       own()};
    ChannelSums& sums = chunk.sums;
    const ChunkPointers<T> pointers{rows.const_data_ptr<T>(),
                                    rows.size(0),
                                    channels,
                                    sums.mean.data_ptr<double>(),
                                    sums.second.data_ptr<double>(),
                                    sums.third.data_ptr<double>(),
                                    sums.fourth.data_ptr<double>(),
                                    sums.low.data_ptr<T>(),
                                    sums.high.data_ptr<T>(),
                                    chunk.centre.data_ptr<T>(),
                                    chunk.centred.data_ptr<T>()};
    at::parallel_for(0, (channels + kTile - 1) / kTile, 1, [&](int64_t begin, int64_t end) {
        kernels::simd::dispatch<TileBody<T>>(&pointers, begin, end);
    });
    return chunk;
}

}  // namespace

CentredChunk centreChunkWithOperators(const at::Tensor& rows) {
    CentredChunk chunk;
    chunk.sums.count = rows.size(0);
    chunk.centre = rows.mean(0, false, at::kDouble).to(rows.scalar_type());
    chunk.centred = rows - chunk.centre;
    const auto exact = rows.to(at::kDouble);
    chunk.sums.mean = exact.mean(0);
    const auto difference = exact - chunk.sums.mean, square = difference.square();
    chunk.sums.second = square.sum(0);
    chunk.sums.third = (square * difference).sum(0);
    chunk.sums.fourth = square.square().sum(0);
    chunk.sums.low = rows.amin(0);
    chunk.sums.high = rows.amax(0);
    return chunk;
}

CentredChunk centreChunk(const at::Tensor& rows) {
    if (!rows.is_cpu())
        return centreChunkWithOperators(rows);
    return rows.scalar_type() == at::kDouble ? centreOnCpu<double>(rows) : centreOnCpu<float>(rows);
}

void joinSums(ChannelSums& into, const ChannelSums& more) {
    if (into.count == 0) {
        into = more;
        return;
    }
    const double a = double(into.count), b = double(more.count), n = a + b;
    const auto d = more.mean - into.mean;
    const auto square = d.square();
    into.fourth = into.fourth + more.fourth +
                  square.square() * (a * b * (a * a - a * b + b * b) / (n * n * n)) +
                  6 * square * (a * a * more.second + b * b * into.second) / (n * n) +
                  4 * d * (a * more.third - b * into.third) / n;
    into.third = into.third + more.third + d * square * (a * b * (a - b) / (n * n)) +
                 3 * d * (a * more.second - b * into.second) / n;
    into.second = into.second + more.second + square * (a * b / n);
    into.mean = into.mean + d * (b / n);
    into.low = at::minimum(into.low, more.low);
    into.high = at::maximum(into.high, more.high);
    into.count += more.count;
}

}  // namespace vitrine
