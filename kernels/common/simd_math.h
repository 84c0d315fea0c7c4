// Elementary functions of vectors (common/simd.h). float: polynomials, relative error about 1e-7; double: the
// C library, lane by lane (double precision serves as reference here, not speed).
#pragma once

#include "kernels/common/simd.h"

#include <cmath>
#include <utility>

namespace vitrine::kernels::simd {

// e^x = power · (1 + rest) with |rest| < 0.42. A product h e^x computed as h·power + rest·(h·power) keeps its
// accuracy over thousands of factors near 1, which a rounded e^x does not: its error of half a unit in the
// last place has the same sign in every factor where x is constant. x is limited to [-87, 88].
template <typename T, int Bytes>
VITRINE_INLINE void splitExp(Vec<T, Bytes> x, Vec<T, Bytes>& power, Vec<T, Bytes>& rest) {
    if constexpr (sizeof(T) == 8) {
        for (unsigned lane = 0; lane < Bytes / sizeof(T); ++lane)
            power[lane] = __builtin_exp(x[lane]);
        rest = x - x;
    } else {
        using V = Vec<float, Bytes>;
        using I = Vec<int32_t, Bytes>;
        constexpr float kRound =
            12582912.0f;  // 1.5 · 2^23: a sum with it has the nearest integer in its low bits
        constexpr int32_t kRoundBits = 0x4B400000;
        const V zero{};
        x = x < -87.0f ? zero - 87.0f : x;
        x = x > 88.0f ? zero + 88.0f : x;
        const V shifted = x * 1.44269504f + kRound;
        I exponent;
        __builtin_memcpy(&exponent, &shifted, Bytes);
        const V whole = shifted - kRound;
        const V r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
        rest = expOfRemainderLess1(r);
        exponent = (exponent - kRoundBits + 127) << 23;
        __builtin_memcpy(&power, &exponent, Bytes);
    }
}

// e^-|x|
template <typename T, int Bytes>
VITRINE_INLINE Vec<T, Bytes> expOfNegativeMagnitude(Vec<T, Bytes> x) {
    Vec<T, Bytes> power, rest;
    splitExp<T, Bytes>(x < T(0) ? x : -x, power, rest);
    return power + power * rest;
}

// 1 / (1 + e^-x)
template <typename T, int Bytes>
VITRINE_INLINE Vec<T, Bytes> sigmoid(Vec<T, Bytes> x) {
    const Vec<T, Bytes> e = expOfNegativeMagnitude<T, Bytes>(x);
    const Vec<T, Bytes> larger = T(1) / (e + T(1));
    return x < T(0) ? e * larger : larger;
}

// log(1 + e^x) = max(x, 0) + log(1 + w), w = e^-|x|; log(1 + w) = 2 artanh(w / (2 + w)), a series in at most
// 1/9.
template <typename T, int Bytes>
VITRINE_INLINE Vec<T, Bytes> softplus(Vec<T, Bytes> x) {
    using V = Vec<T, Bytes>;
    const V w = expOfNegativeMagnitude<T, Bytes>(x);
    V logarithm;
    if constexpr (sizeof(T) == 8) {
        for (unsigned lane = 0; lane < Bytes / sizeof(T); ++lane)
            logarithm[lane] = __builtin_log1p(w[lane]);
    } else {
        const V s = w / (w + 2.0f), s2 = s * s;
        V p = s2 * (2.0f / 15) + 2.0f / 13;
        p = p * s2 + 2.0f / 11;
        p = p * s2 + 2.0f / 9;
        p = p * s2 + 2.0f / 7;
        p = p * s2 + 2.0f / 5;
        p = p * s2 + 2.0f / 3;
        p = p * s2 + 2.0f;
        logarithm = p * s;
    }
    const V zero{};
    return (x > T(0) ? x : zero) + logarithm;
}

template <typename V, size_t... Lanes>
VITRINE_INLINE V neighbourSums(V a, V b, std::index_sequence<Lanes...>) {
    return __builtin_shufflevector(a, b, (2 * Lanes)...) + __builtin_shufflevector(a, b, (2 * Lanes + 1)...);
}

// sums[i] = sum of the lanes of vector i, for `count` vectors behind one another; count is a multiple of the
// lanes.
template <typename T, int Bytes>
VITRINE_INLINE void sumLanes(const T* vectors, int64_t count, T* sums) {
    using V = Vec<T, Bytes>;
    constexpr int kLanes = Bytes / sizeof(T);
    for (int64_t first = 0; first < count; first += kLanes) {
        V v[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i)
            v[i] = load<V>(vectors + (first + i) * kLanes);
            // Each round halves the vectors and doubles how many lanes an element stands for.
#pragma GCC unroll 4
        for (int left = kLanes / 2; left > 0; left /= 2)
#pragma GCC unroll 8
            for (int i = 0; i < left; ++i)
                v[i] = neighbourSums(v[2 * i], v[2 * i + 1], std::make_index_sequence<size_t(kLanes)>());
        store(sums + first, v[0]);
    }
}

}  // namespace vitrine::kernels::simd
