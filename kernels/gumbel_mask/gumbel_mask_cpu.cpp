#include "kernels/common/simd_math.h"
#include "kernels/gumbel_mask/gumbel_mask.h"
#include "kernels/sparse24/sparse24.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace vitrine::kernels {
namespace {

// log x of normal positive numbers. float: x = 2^e m with m in [sqrt(1/2), sqrt(2)), log m = 2 artanh((m - 1)
// / (m + 1)) as a series in at most 0.0295; relative error about 2e-7, near 1 too.
template <typename T, int Bytes>
VITRINE_INLINE simd::Vec<T, Bytes> logOf(simd::Vec<T, Bytes> x) {
    if constexpr (sizeof(T) == 8) {
        for (unsigned lane = 0; lane < Bytes / sizeof(T); ++lane)
            x[lane] = __builtin_log(x[lane]);
        return x;
    } else {
        using V = simd::Vec<float, Bytes>;
        using I = simd::Vec<int32_t, Bytes>;
        I bits;
        __builtin_memcpy(&bits, &x, Bytes);
        const I shifted = bits - 0x3f3504f3;  // bits of sqrt(1/2)
        const V exponent = __builtin_convertvector(shifted >> 23, V);
        const I part = (shifted & 0x007fffff) + 0x3f3504f3;
        V m;
        __builtin_memcpy(&m, &part, Bytes);
        const V s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
        V p = s2 * (2.0f / 9) + 2.0f / 7;
        p = p * s2 + 2.0f / 5;
        p = p * s2 + 2.0f / 3;
        return (exponent * 0.693359375f + (p * s2 * s + exponent * -2.12194440e-4f)) + 2.0f * s;
    }
}

// Four words for every lane's group.
template <int Lanes>
struct Philox {
    using U = simd::Vec<uint32_t, 4 * Lanes>;
    using W = simd::Vec<uint64_t, 8 * Lanes>;

    static VITRINE_INLINE void multiply(U a, uint32_t factor, U& high, U& low) {
        const W product = __builtin_convertvector(a, W) * uint64_t(factor);
        high = __builtin_convertvector(product >> 32, U);
        low = __builtin_convertvector(product, U);
    }

    static VITRINE_INLINE void draw(uint64_t seed, int64_t firstGroup, uint32_t number, U (&words)[4]) {
        U c0{}, c1{}, c2 = U{} + number, c3{};
        for (int lane = 0; lane < Lanes; ++lane) {
            c0[lane] = uint32_t(uint64_t(firstGroup + lane));
            c1[lane] = uint32_t(uint64_t(firstGroup + lane) >> 32);
        }
        uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
        for (int round = 0; round < kPhiloxRounds; ++round) {
            U high0, low0, high1, low1;
            multiply(c0, 0xD2511F53u, high0, low0);
            multiply(c2, 0xCD9E8D57u, high1, low1);
            c0 = high1 ^ c1 ^ key0;
            c1 = low1;
            c2 = high0 ^ c3 ^ key1;
            c3 = low0;
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }
};

template <typename T, int Count>
struct Choice {
    // z of one vector of groups; logits[k] are the lanes' logits of candidate k.
    template <int Bytes>
    static VITRINE_INLINE void scores(const simd::Vec<T, Bytes> (&logits)[Count], uint64_t seed,
                                      int64_t group, T kappa, T tau, simd::Vec<T, Bytes> (&z)[Count]) {
        using V = simd::Vec<T, Bytes>;
        constexpr int kLanes = Bytes / int(sizeof(T));
        typename Philox<kLanes>::U words[2][4];
        Philox<kLanes>::draw(seed, group, 0, words[0]);
        if constexpr (Count > 4)
            Philox<kLanes>::draw(seed, group, 1, words[1]);
        const V least = V{} + T(kLeastUniform), most = V{} + T(kMostUniform);
        for (int k = 0; k < Count; ++k) {
            V u = (__builtin_convertvector(words[k / 4][k % 4], V) + T(0.5)) * T(0x1p-32);
            u = u < least ? least : u;
            u = u > most ? most : u;
            const V noise = -logOf<T, Bytes>(-logOf<T, Bytes>(u));
            z[k] = (kappa * logits[k] + noise) / tau;
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void softmax(simd::Vec<T, Bytes> (&z)[Count]) {
        using V = simd::Vec<T, Bytes>;
        V largest = z[0], sum{};
        for (int k = 1; k < Count; ++k)
            largest = z[k] > largest ? z[k] : largest;
        for (int k = 0; k < Count; ++k) {
            z[k] = simd::expNegative<T, Bytes>(z[k] - largest);
            sum += z[k];
        }
        for (int k = 0; k < Count; ++k)
            z[k] /= sum;
    }

    template <int Bytes>
    static VITRINE_INLINE void largestOnly(simd::Vec<T, Bytes> (&z)[Count]) {
        using V = simd::Vec<T, Bytes>;
        V largest = z[0];
        for (int k = 1; k < Count; ++k)
            largest = z[k] > largest ? z[k] : largest;
        V left = V{} + T(1);  // the first of equal ones
        for (int k = 0; k < Count; ++k) {
            const V one = z[k] == largest ? left : V{};
            left -= one;
            z[k] = one;
        }
    }

    static VITRINE_INLINE bool keeps(int candidate, int column) {
        return Count == 4 ? candidate == column : (keptBits24(unsigned(candidate)) >> column & 1) != 0;
    }
};

// Groups one after another in memory <-> one vector for each of their numbers; `groups` may be fewer than
// lanes.
template <typename T, int Bytes, int Width>
VITRINE_INLINE void gather(const T* from, int64_t groups, simd::Vec<T, Bytes> (&to)[Width]) {
    constexpr int kLanes = Bytes / int(sizeof(T));
    alignas(64) T buffer[Width][kLanes] = {};
    for (int64_t lane = 0; lane < groups; ++lane)
        for (int index = 0; index < Width; ++index)
            buffer[index][lane] = from[lane * Width + index];
    for (int index = 0; index < Width; ++index)
        to[index] = simd::load<simd::Vec<T, Bytes>>(buffer[index]);
}
template <typename T, int Bytes, int Width>
VITRINE_INLINE void scatter(const simd::Vec<T, Bytes> (&from)[Width], int64_t groups, T* to) {
    constexpr int kLanes = Bytes / int(sizeof(T));
    alignas(64) T buffer[Width][kLanes];
    for (int index = 0; index < Width; ++index)
        simd::store(buffer[index], from[index]);
    for (int64_t lane = 0; lane < groups; ++lane)
        for (int index = 0; index < Width; ++index)
            to[lane * Width + index] = buffer[index][lane];
}

template <typename T, int Count>
struct ForwardBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const GumbelMaskArguments<T>* a, int64_t begin, int64_t end) {
        using V = simd::Vec<T, Bytes>;
        using Chosen = Choice<T, Count>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(T));
        for (int64_t group = begin; group < end; group += kLanes) {
            const int64_t count = std::min(kLanes, end - group);
            V logits[Count], y[Count], mask[4] = {};
            gather<T, Bytes, Count>(a->logits + group * Count, count, logits);
            Chosen::template scores<Bytes>(logits, a->seed, group, a->kappa, a->tau, y);
            if (a->hard)
                Chosen::template largestOnly<Bytes>(y);
            else
                Chosen::template softmax<Bytes>(y);
            for (int k = 0; k < Count; ++k)
                for (int column = 0; column < 4; ++column)
                    if (Chosen::keeps(k, column))
                        mask[column] += y[k];
            if (a->weight) {
                V weight[4];
                gather<T, Bytes, 4>(a->weight + group * 4, count, weight);
                for (int column = 0; column < 4; ++column)
                    mask[column] *= weight[column];
            }
            scatter<T, Bytes, 4>(mask, count, a->out + group * 4);
        }
    }
};

template <typename T, int Count>
struct BackwardBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const GumbelMaskGradArguments<T>* a, int64_t begin, int64_t end) {
        using V = simd::Vec<T, Bytes>;
        using Chosen = Choice<T, Count>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(T));
        const T gain = a->kappa / a->tau;
        for (int64_t group = begin; group < end; group += kLanes) {
            const int64_t count = std::min(kLanes, end - group);
            V logits[Count], y[Count], grad[4];
            gather<T, Bytes, Count>(a->logits + group * Count, count, logits);
            gather<T, Bytes, 4>(a->grad + group * 4, count, grad);
            if (a->weight) {
                V weight[4];
                gather<T, Bytes, 4>(a->weight + group * 4, count, weight);
                for (int column = 0; column < 4; ++column)
                    grad[column] *= weight[column];
            }
            Chosen::template scores<Bytes>(logits, a->seed, group, a->kappa, a->tau, y);
            Chosen::template softmax<Bytes>(y);
            V along[Count], mean{};
            for (int k = 0; k < Count; ++k) {
                along[k] = V{};
                for (int column = 0; column < 4; ++column)
                    if (Chosen::keeps(k, column))
                        along[k] += grad[column];
                mean += y[k] * along[k];
            }
            for (int k = 0; k < Count; ++k)
                y[k] *= gain * (along[k] - mean);
            scatter<T, Bytes, Count>(y, count, a->gradLogits + group * Count);
        }
    }
};

constexpr int64_t kGrain = 2048;  // groups

}  // namespace

template <typename T>
void gumbelMaskCpu(const GumbelMaskArguments<T>& a, int64_t candidates) {
    at::parallel_for(0, a.groups, kGrain, [&](int64_t begin, int64_t end) {
        if (candidates == 4)
            simd::dispatch<ForwardBody<T, 4>>(&a, begin, end);
        else
            simd::dispatch<ForwardBody<T, 6>>(&a, begin, end);
    });
}

template <typename T>
void gumbelMaskGradCpu(const GumbelMaskGradArguments<T>& a, int64_t candidates) {
    at::parallel_for(0, a.groups, kGrain, [&](int64_t begin, int64_t end) {
        if (candidates == 4)
            simd::dispatch<BackwardBody<T, 4>>(&a, begin, end);
        else
            simd::dispatch<BackwardBody<T, 6>>(&a, begin, end);
    });
}

template void gumbelMaskCpu(const GumbelMaskArguments<float>&, int64_t);
template void gumbelMaskCpu(const GumbelMaskArguments<double>&, int64_t);
template void gumbelMaskGradCpu(const GumbelMaskGradArguments<float>&, int64_t);
template void gumbelMaskGradCpu(const GumbelMaskGradArguments<double>&, int64_t);

}  // namespace vitrine::kernels
