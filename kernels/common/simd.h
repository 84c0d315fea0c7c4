// Vectors of a width chosen at run time: a kernel's body is written once as
//   struct Body { template <int Bytes> static VITRINE_INLINE void run(arguments...); };
// and dispatch<Body>(arguments...) runs it compiled for the widest instruction set of this machine
// (AVX-512, AVX2 + FMA + F16C, or the compiler's baseline). Everything a body calls must be VITRINE_INLINE,
// else it is compiled for the baseline only.
#pragma once

#include <cstdint>
#include <cstring>

#define VITRINE_INLINE inline __attribute__((always_inline))

namespace vitrine::kernels::simd {

// A vector of `Bytes` bytes of T; Bytes = sizeof(T) gives a single lane, for rows narrower than a vector.
template <typename T, int Bytes>
struct VecOf {
    typedef T type __attribute__((vector_size(Bytes)));
};
template <typename T, int Bytes>
using Vec = typename VecOf<T, Bytes>::type;

template <typename V, typename T>
VITRINE_INLINE V load(const T* from) {
    V v;
    __builtin_memcpy(&v, from, sizeof(V));
    return v;
}
template <typename V, typename T>
VITRINE_INLINE void store(T* to, V v) {
    __builtin_memcpy(to, &v, sizeof(V));
}

// e^r - 1 on [-0.35, 0.35]: Taylor polynomial, relative error below 2e-7.
template <typename V>
VITRINE_INLINE V expOfRemainderLess1(V r) {
    V p = r * 1.9841270e-4f + 1.3888889e-3f;
    p = p * r + 8.3333333e-3f;
    p = p * r + 4.1666667e-2f;
    p = p * r + 1.6666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    return p * r;
}

// e^x for x <= 0 (kernel weights); relative error below 2e-7 (float) and 1e-15 (double). Argument reduction
// by ln 2; results below the smallest normal number become 0.
template <typename T, int Bytes>
VITRINE_INLINE Vec<T, Bytes> expNegative(Vec<T, Bytes> x) {
    if constexpr (sizeof(T) == 8) {
        for (unsigned lane = 0; lane < Bytes / sizeof(T); ++lane)
            x[lane] = __builtin_exp(x[lane]);
        return x;
    } else {
        using V = Vec<T, Bytes>;
        using I = Vec<int32_t, Bytes>;
        const I tooSmall = x < -87.0f;
        x = tooSmall ? x * 0.0f - 87.0f : x;
        const I k = __builtin_convertvector(x * 1.44269504f - 0.5f, I);
        const V whole = __builtin_convertvector(k, V);
        const V r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
        V p = expOfRemainderLess1(r) + 1.0f;
        const I bits = (k + 127) << 23;
        V power;
        __builtin_memcpy(&power, &bits, Bytes);
        p *= power;
        return tooSmall ? p * 0.0f : p;
    }
}

enum class InstructionSet { Baseline, Avx2, Avx512 };

inline InstructionSet instructionSet() {
#if defined(__x86_64__)
    static const InstructionSet found = [] {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            return InstructionSet::Avx512;
        // Every processor with AVX2 has F16C as well.
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            return InstructionSet::Avx2;
        return InstructionSet::Baseline;
    }();
    return found;
#else
    return InstructionSet::Baseline;
#endif
}

#if defined(__x86_64__)
template <typename Body, typename... Arguments>
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"), noinline)) void runAvx512(
    Arguments... arguments) {
    Body::template run<64>(arguments...);
}
template <typename Body, typename... Arguments>
__attribute__((target("avx2,fma"), noinline)) void runAvx2(Arguments... arguments) {
    Body::template run<32>(arguments...);
}
#endif
template <typename Body, typename... Arguments>
__attribute__((noinline)) void runBaseline(Arguments... arguments) {
    Body::template run<16>(arguments...);
}

template <typename Body, typename... Arguments>
void dispatch(Arguments... arguments) {
#if defined(__x86_64__)
    switch (instructionSet()) {
        case InstructionSet::Avx512:
            return runAvx512<Body>(arguments...);
        case InstructionSet::Avx2:
            return runAvx2<Body>(arguments...);
        case InstructionSet::Baseline:
            break;
    }
#endif
    runBaseline<Body>(arguments...);
}

}  // namespace vitrine::kernels::simd
