// Element types of kernel inputs, plain C++: reduced-precision values are stored as their 16 bits and
// computed with as float.
#pragma once

#include "kernels/common/simd.h"

#include <cstdint>

namespace vitrine::kernels {

struct Half {
    uint16_t bits;
};
struct BFloat16 {
    uint16_t bits;
};

// Type that sums and results have: float for 16-bit inputs, else the type itself.
template <typename T>
struct Accumulated {
    using type = T;
};
template <>
struct Accumulated<Half> {
    using type = float;
};
template <>
struct Accumulated<BFloat16> {
    using type = float;
};

VITRINE_INLINE float toFloat(BFloat16 value) {
    const uint32_t bits = uint32_t(value.bits) << 16;
    float result;
    __builtin_memcpy(&result, &bits, 4);
    return result;
}
VITRINE_INLINE float toFloat(Half value) {
    // Exponent and mantissa moved into place, then the exponent bias corrected by one multiplication, which
    // also makes subnormal numbers right; infinity and NaN get their exponent set afterwards.
    const uint32_t magnitude = uint32_t(value.bits & 0x7fff) << 13;
    float scaled;
    __builtin_memcpy(&scaled, &magnitude, 4);
    scaled *= 5.192296858534828e33f;  // 2^112
    uint32_t bits;
    __builtin_memcpy(&bits, &scaled, 4);
    bits |= (value.bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
    bits |= uint32_t(value.bits & 0x8000) << 16;
    float result;
    __builtin_memcpy(&result, &bits, 4);
    return result;
}

// `count` elements as the accumulation type: the source itself, or `buffer` filled with converted values.
template <typename T>
VITRINE_INLINE const T* widened(const T* source, int64_t, T*) {
    return source;
}
VITRINE_INLINE const float* widened(const Half* source, int64_t count, float* buffer) {
    for (int64_t index = 0; index < count; ++index)
        buffer[index] = toFloat(source[index]);
    return buffer;
}
VITRINE_INLINE const float* widened(const BFloat16* source, int64_t count, float* buffer) {
    for (int64_t index = 0; index < count; ++index)
        buffer[index] = toFloat(source[index]);
    return buffer;
}

// A vector of float values in [0, 65504] as float16 bits, rounded to nearest, ties to even.
template <int Bytes>
VITRINE_INLINE simd::Vec<uint16_t, Bytes / 2> halfBits(simd::Vec<float, Bytes> values) {
    using Wide = simd::Vec<uint32_t, Bytes>;
    values = values * 1.9259299443872359e-34f;  // 2^-112: the exponent's bias becomes that of float16
    Wide bits;
    __builtin_memcpy(&bits, &values, Bytes);
    bits = (bits + 0xfff + ((bits >> 13) & 1)) >> 13;
    return __builtin_convertvector(bits, simd::Vec<uint16_t, Bytes / 2>);
}
// The reverse, for finite values of either sign. Vectors as wide as AVX2's and AVX-512's are converted by the
// processor: an instruction by name, as the compiler's own functions for it want the caller to be compiled
// for the instruction set, which a body of simd::dispatch is not before it is inlined.
template <int Bytes>
VITRINE_INLINE simd::Vec<float, Bytes> fromHalfBits(simd::Vec<uint16_t, Bytes / 2> half) {
#if defined(__x86_64__)
    if constexpr (Bytes >= 32) {
        simd::Vec<float, Bytes> values;
        asm("vcvtph2ps %1, %0" : "=v"(values) : "vm"(half));
        return values;
    }
#endif
    using Wide = simd::Vec<uint32_t, Bytes>;
    const Wide bits = __builtin_convertvector(half, Wide);
    const Wide magnitude = (bits & 0x7fff) << 13;
    simd::Vec<float, Bytes> values;
    __builtin_memcpy(&values, &magnitude, Bytes);
    values *= 5.192296858534828e33f;  // 2^112
    Wide result;
    __builtin_memcpy(&result, &values, Bytes);
    result |= (bits & 0x8000) << 16;
    __builtin_memcpy(&values, &result, Bytes);
    return values;
}

// Position that reflects `position` back into [0, size) without repeating the edge, as often as it takes.
VITRINE_INLINE int64_t reflected(int64_t position, int64_t size) {
    if (size == 1)
        return 0;
    while (position < 0 || position >= size)
        position = position < 0 ? -position : 2 * (size - 1) - position;
    return position;
}

}  // namespace vitrine::kernels
