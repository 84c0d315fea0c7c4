#include "kernels/local_attention/local_attention.h"

#include <ATen/Parallel.h>

#include <cmath>

namespace vitrine::kernels {
namespace {

constexpr int64_t kMaxTaps = (2 * kMaxRadius + 1) * (2 * kMaxRadius + 1);

// Windows around a vector of positions (y, x .. x + lanes): tap number i * diameter + j is the position
// (y + i - radius, x + j - radius).
template <typename T>
struct Windows {
    // out[tap] = Σ_c centre[c] neighbour[c, tap]. `centre` points at (0, y, x) of plain planes, `around` at
    // the windows' first element of padded planes.
    template <int Bytes>
    static VITRINE_INLINE void products(const LocalAttentionSizes& s, const T* centre, const T* around,
                                        int64_t channels, simd::Vec<T, Bytes>* out) {
        const int64_t diameter = 2 * s.radius + 1, rowStride = s.columns + 2 * s.radius;
        for (int64_t i = 0; i < diameter; ++i) {
            int64_t j = 0;
            for (; j + 7 <= diameter; j += 7)
                rowProducts<Bytes, 7>(s, centre, around + i * rowStride + j, channels,
                                      out + i * diameter + j);
            for (; j + 3 <= diameter; j += 3)
                rowProducts<Bytes, 3>(s, centre, around + i * rowStride + j, channels,
                                      out + i * diameter + j);
            for (; j < diameter; ++j)
                rowProducts<Bytes, 1>(s, centre, around + i * rowStride + j, channels,
                                      out + i * diameter + j);
        }
    }

    template <int Bytes, int Taps>
    static VITRINE_INLINE void rowProducts(const LocalAttentionSizes& s, const T* centre, const T* around,
                                           int64_t channels, simd::Vec<T, Bytes>* out) {
        using V = simd::Vec<T, Bytes>;
        const int64_t plane = s.height * s.columns;
        const int64_t paddedPlane = (s.height + 2 * s.radius) * (s.columns + 2 * s.radius);
        V sum[Taps] = {};
        for (int64_t channel = 0; channel < channels; ++channel) {
            const V own = simd::load<V>(centre + channel * plane);
            const T* other = around + channel * paddedPlane;
#pragma GCC unroll 7
            for (int j = 0; j < Taps; ++j)
                sum[j] += own * simd::load<V>(other + j);
        }
#pragma GCC unroll 7
        for (int j = 0; j < Taps; ++j)
            out[j] = sum[j];
    }

    // out[c] = factor Σ_tap weight[tap] neighbour[c, tap], into plain planes.
    template <int Bytes>
    static VITRINE_INLINE void sums(const LocalAttentionSizes& s, const simd::Vec<T, Bytes>* weight,
                                    const T* around, int64_t channels, T factor, T* out) {
        const int64_t plane = s.height * s.columns;
        const int64_t paddedPlane = (s.height + 2 * s.radius) * (s.columns + 2 * s.radius);
        int64_t channel = 0;
        for (; channel + 8 <= channels; channel += 8)
            channelSums<Bytes, 8>(s, weight, around + channel * paddedPlane, factor, out + channel * plane);
        for (; channel + 3 <= channels; channel += 3)
            channelSums<Bytes, 3>(s, weight, around + channel * paddedPlane, factor, out + channel * plane);
        for (; channel < channels; ++channel)
            channelSums<Bytes, 1>(s, weight, around + channel * paddedPlane, factor, out + channel * plane);
    }

    template <int Bytes, int Channels>
    static VITRINE_INLINE void channelSums(const LocalAttentionSizes& s, const simd::Vec<T, Bytes>* weight,
                                           const T* around, T factor, T* out) {
        using V = simd::Vec<T, Bytes>;
        const int64_t diameter = 2 * s.radius + 1, rowStride = s.columns + 2 * s.radius;
        const int64_t paddedPlane = (s.height + 2 * s.radius) * rowStride;
        V sum[Channels] = {};
        for (int64_t i = 0; i < diameter; ++i)
            for (int64_t j = 0; j < diameter; ++j) {
                const V w = weight[i * diameter + j];
                const T* from = around + i * rowStride + j;
#pragma GCC unroll 8
                for (int c = 0; c < Channels; ++c)
                    sum[c] += w * simd::load<V>(from + c * paddedPlane);
            }
#pragma GCC unroll 8
        for (int c = 0; c < Channels; ++c)
            simd::store(out + c * s.height * s.columns, sum[c] * factor);
    }

    // Products -> scores: scaled and biased; neighbours outside of the map get a score whose exponential is
    // 0.
    template <int Bytes>
    static VITRINE_INLINE void finishScores(const LocalAttentionSizes& s, const T* slopes, T scale, int64_t y,
                                            int64_t x, simd::Vec<T, Bytes>* score) {
        using V = simd::Vec<T, Bytes>;
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const int64_t diameter = 2 * s.radius + 1;
        V position{};
        for (int64_t lane = 0; lane < kLanes; ++lane)
            position[lane] = T(x + lane);
        const V none = position * 0 - T(1e30);
        for (int64_t i = 0; i < diameter; ++i) {
            const int64_t row = y + i - s.radius, rowDistance = i < s.radius ? s.radius - i : i - s.radius;
            const bool inside = row >= 0 && row < s.height;
            for (int64_t j = 0; j < diameter; ++j) {
                const int64_t columnDistance = j < s.radius ? s.radius - j : j - s.radius;
                const T bias = slopes[0] * T(rowDistance) + slopes[1] * T(columnDistance);
                const T first = T(s.radius - j), last = T(s.columns - 1 + s.radius - j);
                V value = score[i * diameter + j] * scale - bias;
                value = position < first ? none : value;
                value = position > last ? none : value;
                score[i * diameter + j] = inside ? value : none;
            }
        }
    }
};

// Runs `pixels` over every row in steps of a vector; the last step of a row overlaps its predecessor (results
// depend on the position alone), rows narrower than a vector go position by position.
template <typename Derived, typename Arguments, typename T>
struct RowBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const Arguments* a, int64_t begin, int64_t end) {
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const LocalAttentionSizes& s = a->sizes;
        for (int64_t index = begin; index < end; ++index) {
            const int64_t map = index / s.height, y = index % s.height;
            if (s.columns < kLanes) {
                for (int64_t x = 0; x < s.columns; ++x)
                    Derived::template pixels<sizeof(T)>(*a, map, y, x);
                continue;
            }
            for (int64_t x = 0; x + kLanes <= s.columns; x += kLanes)
                Derived::template pixels<Bytes>(*a, map, y, x);
            if (s.columns % kLanes)
                Derived::template pixels<Bytes>(*a, map, y, s.columns - kLanes);
        }
    }
};

// Offsets of position (y, x) of a map in plain and padded planes of so many channels.
struct Places {
    int64_t plain, padded;
    Places(const LocalAttentionSizes& s, int64_t map, int64_t channels, int64_t y, int64_t x)
        : plain((map * channels * s.height + y) * s.columns + x),
          padded((map * channels * (s.height + 2 * s.radius) + y) * (s.columns + 2 * s.radius) + x) {}
};

template <typename T>
struct Forward : RowBody<Forward<T>, LocalAttentionArguments<T>, T> {
    template <int Bytes>
    static VITRINE_INLINE void pixels(const LocalAttentionArguments<T>& a, int64_t map, int64_t y,
                                      int64_t x) {
        using V = simd::Vec<T, Bytes>;
        const LocalAttentionSizes& s = a.sizes;
        const Places keys(s, map, s.width, y, x), values(s, map, s.valueWidth, y, x), one(s, map, 1, y, x);
        const int64_t taps = (2 * s.radius + 1) * (2 * s.radius + 1);
        V weight[kMaxTaps];
        Windows<T>::template products<Bytes>(s, a.query + keys.plain, a.key + keys.padded, s.width, weight);
        Windows<T>::template finishScores<Bytes>(s, a.slopes + 2 * (map % s.heads), a.scale, y, x, weight);
        V largest = weight[0];
        for (int64_t tap = 1; tap < taps; ++tap)
            largest = weight[tap] > largest ? weight[tap] : largest;
        V total = largest * 0;
        for (int64_t tap = 0; tap < taps; ++tap) {
            weight[tap] = simd::expNegative<T, Bytes>(weight[tap] - largest);
            total += weight[tap];
        }
        const V inverse = 1 / total;
        for (int64_t tap = 0; tap < taps; ++tap)
            weight[tap] *= inverse;
        for (unsigned lane = 0; lane < Bytes / sizeof(T); ++lane)
            total[lane] = std::log(total[lane]);
        simd::store(a.logSum + one.plain, largest + total);
        Windows<T>::template sums<Bytes>(s, weight, a.value + values.padded, s.valueWidth, T(1),
                                         a.out + values.plain);
    }
};

template <typename T>
struct QueryGradient : RowBody<QueryGradient<T>, LocalAttentionQueryGradArguments<T>, T> {
    template <int Bytes>
    static VITRINE_INLINE void pixels(const LocalAttentionQueryGradArguments<T>& a, int64_t map, int64_t y,
                                      int64_t x) {
        using V = simd::Vec<T, Bytes>;
        const LocalAttentionSizes& s = a.sizes;
        const Places keys(s, map, s.width, y, x), values(s, map, s.valueWidth, y, x), one(s, map, 1, y, x);
        const int64_t taps = (2 * s.radius + 1) * (2 * s.radius + 1);
        V weight[kMaxTaps], product[kMaxTaps];
        Windows<T>::template products<Bytes>(s, a.query + keys.plain, a.key + keys.padded, s.width, weight);
        Windows<T>::template finishScores<Bytes>(s, a.slopes + 2 * (map % s.heads), a.scale, y, x, weight);
        Windows<T>::template products<Bytes>(s, a.gradOut + values.plain, a.value + values.padded,
                                             s.valueWidth, product);
        const V logSum = simd::load<V>(a.logSum + one.plain);
        V mean = logSum * 0;
        for (int64_t tap = 0; tap < taps; ++tap) {
            weight[tap] = simd::expNegative<T, Bytes>(weight[tap] - logSum);
            mean += weight[tap] * product[tap];
        }
        for (int64_t tap = 0; tap < taps; ++tap)
            weight[tap] *= product[tap] - mean;
        simd::store(a.products + one.plain, mean);
        Windows<T>::template sums<Bytes>(s, weight, a.key + keys.padded, s.width, a.scale,
                                         a.gradQuery + keys.plain);
    }
};

// The window around a key holds the queries that see it; P is taken from each query's own L.
template <typename T>
struct KeyGradient : RowBody<KeyGradient<T>, LocalAttentionKeyGradArguments<T>, T> {
    template <int Bytes>
    static VITRINE_INLINE void pixels(const LocalAttentionKeyGradArguments<T>& a, int64_t map, int64_t y,
                                      int64_t x) {
        using V = simd::Vec<T, Bytes>;
        const LocalAttentionSizes& s = a.sizes;
        const Places keys(s, map, s.width, y, x), values(s, map, s.valueWidth, y, x), one(s, map, 1, y, x);
        const int64_t diameter = 2 * s.radius + 1, rowStride = s.columns + 2 * s.radius;
        V weight[kMaxTaps], product[kMaxTaps];
        Windows<T>::template products<Bytes>(s, a.key + keys.plain, a.query + keys.padded, s.width, weight);
        Windows<T>::template finishScores<Bytes>(s, a.slopes + 2 * (map % s.heads), a.scale, y, x, weight);
        Windows<T>::template products<Bytes>(s, a.value + values.plain, a.gradOut + values.padded,
                                             s.valueWidth, product);
        for (int64_t i = 0; i < diameter; ++i)
            for (int64_t j = 0; j < diameter; ++j) {
                const int64_t tap = i * diameter + j, place = one.padded + i * rowStride + j;
                weight[tap] = simd::expNegative<T, Bytes>(weight[tap] - simd::load<V>(a.logSum + place));
                product[tap] = weight[tap] * (product[tap] - simd::load<V>(a.products + place));
            }
        Windows<T>::template sums<Bytes>(s, weight, a.gradOut + values.padded, s.valueWidth, T(1),
                                         a.gradValue + values.plain);
        Windows<T>::template sums<Bytes>(s, product, a.query + keys.padded, s.width, a.scale,
                                         a.gradKey + keys.plain);
    }
};

template <typename Body, typename Arguments>
void overRows(const Arguments& arguments) {
    at::parallel_for(0, arguments.sizes.maps * arguments.sizes.height, 1,
                     [&](int64_t begin, int64_t end) { simd::dispatch<Body>(&arguments, begin, end); });
}

}  // namespace

template <typename T>
void localAttentionCpu(const LocalAttentionArguments<T>& arguments) {
    overRows<Forward<T>>(arguments);
}
template <typename T>
void localAttentionGradCpu(const LocalAttentionQueryGradArguments<T>& arguments) {
    overRows<QueryGradient<T>>(arguments);
}
template <typename T>
void localAttentionGradCpu(const LocalAttentionKeyGradArguments<T>& arguments) {
    overRows<KeyGradient<T>>(arguments);
}

template void localAttentionCpu(const LocalAttentionArguments<float>&);
template void localAttentionCpu(const LocalAttentionArguments<double>&);
template void localAttentionGradCpu(const LocalAttentionQueryGradArguments<float>&);
template void localAttentionGradCpu(const LocalAttentionQueryGradArguments<double>&);
template void localAttentionGradCpu(const LocalAttentionKeyGradArguments<float>&);
template void localAttentionGradCpu(const LocalAttentionKeyGradArguments<double>&);

}  // namespace vitrine::kernels
