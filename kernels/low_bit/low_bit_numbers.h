// One number of a low-bit format, for both devices.
#pragma once

#include "kernels/low_bit/low_bit.h"

#include <cmath>
#include <cstring>

namespace vitrine::kernels {

struct Fp8Layout {
    int mantissaBits, bias;
    float largest;
};

VITRINE_HOST_DEVICE inline Fp8Layout fp8Layout(LowBitFormat format) {
    return format == LowBitFormat::E5M2 ? Fp8Layout{2, 15, 57344.f} : Fp8Layout{3, 7, 448.f};
}

VITRINE_HOST_DEVICE VITRINE_INLINE uint32_t bitsOf(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}
VITRINE_HOST_DEVICE VITRINE_INLINE float floatOf(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// Code of a finite value that is not larger than the largest.
VITRINE_HOST_DEVICE VITRINE_INLINE uint32_t fp8Code(float value, int mantissaBits, int bias) {
    const uint32_t bits = bitsOf(value), sign = bits >> 24 & 0x80u, magnitude = bits & 0x7fffffffu;
    // Below the least normal number the adder rounds: the last place of the sum is the smallest subnormal.
    const float magic = floatOf(uint32_t(127 + 24 - bias - mantissaBits) << 23);
    const uint32_t small = bitsOf(floatOf(magnitude) + magic) - bitsOf(magic);
    const int shift = 23 - mantissaBits;
    const uint32_t rounded = magnitude + (1u << (shift - 1)) - 1 + (magnitude >> shift & 1);
    const uint32_t large = (rounded - (uint32_t(127 - bias) << 23)) >> shift;
    return sign | (magnitude < uint32_t(128 - bias) << 23 ? small : large);
}

VITRINE_HOST_DEVICE VITRINE_INLINE float fp8Value(uint32_t code, int mantissaBits, int bias) {
    const uint32_t magnitude = code & 0x7f, exponent = magnitude >> mantissaBits;
    const uint32_t mantissa = magnitude & ((1u << mantissaBits) - 1);
    const float smallest = floatOf(uint32_t(128 - bias - mantissaBits) << 23);
    const float value =
        exponent == 0 ? float(mantissa) * smallest
                      : floatOf((exponent + 127 - uint32_t(bias)) << 23 | mantissa << (23 - mantissaBits));
    const bool e4m3 = mantissaBits == 3;
    const float special = e4m3 || mantissa != 0 ? floatOf(0x7fc00000u) : floatOf(0x7f800000u);
    const bool isSpecial = e4m3 ? magnitude == 0x7f : magnitude >= 0x7c;
    return floatOf(bitsOf(isSpecial ? special : value) | (code & 0x80u) << 24);
}

// Index of the E2M1 magnitude: thresholds .25 .75 1.25 1.75 2.5 3.5 5, ties to the even index.
VITRINE_HOST_DEVICE VITRINE_INLINE uint32_t e2m1Code(float value) {
    const float m = value < 0 ? -value : value;
    const uint32_t index = uint32_t(m > 0.25f) + uint32_t(m >= 0.75f) + uint32_t(m > 1.25f) +
                           uint32_t(m >= 1.75f) + uint32_t(m > 2.5f) + uint32_t(m >= 3.5f) +
                           uint32_t(m > 5.0f);
    return index | (bitsOf(value) >> 28 & 8u);
}

// Middles between neighbouring normal-float numbers.
constexpr float kNf4Middles[15] = {-0.8480964004993439f,   -0.6106329262256622f,  -0.4599952697753906f,
                                   -0.33967943489551544f,  -0.23460740596055984f, -0.13791173323988914f,
                                   -0.045525018125772476f, 0.03979014977812767f,  0.12025525048375130f,
                                   0.2035212516784668f,    0.2920137718319893f,   0.3893125355243683f,
                                   0.5016634166240692f,    0.6427869200706482f,   0.8614784181118011f};

// The entry that is nearest.
VITRINE_HOST_DEVICE VITRINE_INLINE uint32_t nf4Code(float value) {
    constexpr float kMiddles[15] = {-0.8480964004993439f,   -0.6106329262256622f,  -0.4599952697753906f,
                                    -0.33967943489551544f,  -0.23460740596055984f, -0.13791173323988914f,
                                    -0.045525018125772476f, 0.03979014977812767f,  0.12025525048375130f,
                                    0.2035212516784668f,    0.2920137718319893f,   0.3893125355243683f,
                                    0.5016634166240692f,    0.6427869200706482f,   0.8614784181118011f};
    uint32_t code = 0;
    for (int index = 0; index < 15; ++index)
        code += uint32_t(value > kMiddles[index]);
    return code;
}

// Scale and zero of a group from its extremes.
struct GroupScale {
    float scale, zero;
};
VITRINE_HOST_DEVICE inline GroupScale groupScale(LowBitFormat format, int bits, float low, float high,
                                                 float tensorScale) {
    const float largest = high > -low ? high : 0.f - low;
    switch (format) {
        case LowBitFormat::Affine: {
            if (low > 0)
                low = 0;
            if (high < 0)
                high = 0;
            if (low == 0 && high == 0) {
                low = -1;
                high = 1;
            }
            const float scale = (high - low) / float((1 << bits) - 1);
            return {scale, rintf(-low / scale)};
        }
        case LowBitFormat::Symmetric:
            return {largest > 0 ? 2 * largest / float((1 << bits) - 1) : 2.f / float((1 << bits) - 1),
                    float(1 << (bits - 1))};
        case LowBitFormat::Nvfp4: {
            const float wanted = largest / 6.f / tensorScale;
            return {fp8Value(fp8Code(wanted < 448.f ? wanted : 448.f, 3, 7), 3, 7), 0};
        }
        case LowBitFormat::E4M3:
        case LowBitFormat::E5M2:
            return {largest > 0 ? largest / fp8Layout(format).largest : 1.f, 0};
        default:
            return {largest > 0 ? largest : 1.f, 0};
    }
}

}  // namespace vitrine::kernels
