#include "kernels/common/shuffle.h"
#include "kernels/low_bit/low_bit.h"
#include "kernels/low_bit/low_bit_numbers.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <utility>

namespace vitrine::kernels {
namespace {

constexpr int64_t kGrainElements = 1 << 15;
constexpr int64_t kChunk = 1024;  // columns that are converted at a time

int64_t rowGrain(int64_t columns) {
    return std::max<int64_t>(1, kGrainElements / std::max<int64_t>(columns, 1));
}

template <int Bytes, int... Lane>
VITRINE_INLINE simd::Vec<float, Bytes> turned(simd::Vec<float, Bytes> v, int distance,
                                              std::integer_sequence<int, Lane...>) {
    const simd::Vec<int32_t, Bytes> lane{Lane...};
    return simd::shuffled(v, lane ^ distance);
}

// Extremes; NaN is passed over.
template <int Bytes>
VITRINE_INLINE void extend(const float* values, int64_t count, float& low, float& high) {
    using V = simd::Vec<float, Bytes>;
    constexpr int kLanes = Bytes / 4;
    V lows = V{} + low, highs = V{} + high;
    int64_t index = 0;
    for (; index + kLanes <= count; index += kLanes) {
        const V v = simd::load<V>(values + index);
        lows = v < lows ? v : lows;
        highs = v > highs ? v : highs;
    }
#pragma GCC unroll 4
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
        const V otherLows = turned<Bytes>(lows, distance, std::make_integer_sequence<int, kLanes>());
        const V otherHighs = turned<Bytes>(highs, distance, std::make_integer_sequence<int, kLanes>());
        lows = otherLows < lows ? otherLows : lows;
        highs = otherHighs > highs ? otherHighs : highs;
    }
    low = lows[0];
    high = highs[0];
    for (; index < count; ++index) {
        low = values[index] < low ? values[index] : low;
        high = values[index] > high ? values[index] : high;
    }
}

template <LowBitFormat Format>
VITRINE_INLINE uint8_t codeOf(float x, float zero, float last) {
    if constexpr (Format == LowBitFormat::Affine) {
        const float q = __builtin_rintf(x) + zero, low = q > 0.f ? q : 0.f;  // NaN too
        return uint8_t(int32_t(low < last ? low : last));
    } else if constexpr (Format == LowBitFormat::Nf4) {
        return uint8_t(nf4Code(x));
    } else if constexpr (Format == LowBitFormat::Nvfp4) {
        return uint8_t(e2m1Code(x));
    } else {
        constexpr bool kWide = Format == LowBitFormat::E5M2;
        constexpr float kLargest = kWide ? 57344.f : 448.f;
        if (x != x)
            return 0x7f;
        const float limited = x < kLargest ? (x > -kLargest ? x : -kLargest) : kLargest;
        return uint8_t(fp8Code(limited, kWide ? 2 : 3, kWide ? 15 : 7));
    }
}

// codeOf for a vector of numbers; the same operations lane by lane (low_bit_numbers.h explains them).
template <LowBitFormat Format, int Bytes>
VITRINE_INLINE simd::Vec<uint32_t, Bytes> codesOf(simd::Vec<float, Bytes> x, float zero, float last) {
    using V = simd::Vec<float, Bytes>;
    using U = simd::Vec<uint32_t, Bytes>;
    using I = simd::Vec<int32_t, Bytes>;
    const auto bitsOfAll = [](V v) {
        U bits;
        __builtin_memcpy(&bits, &v, Bytes);
        return bits;
    };
    if constexpr (Format == LowBitFormat::Affine) {
        const V limit = V{} + 512.f;  // beyond all codes
        x = x > -limit ? x : -limit;
        x = x < limit ? x : limit;
        V q = (x + 12582912.f) - 12582912.f + zero;
        const V none{}, most = V{} + last;
        q = q > none ? q : none;
        q = q < most ? q : most;
        const I whole = __builtin_convertvector(q, I);
        return __builtin_convertvector(whole, U);
    } else if constexpr (Format == LowBitFormat::Nf4) {
        I code{};
#pragma GCC unroll 15
        for (int index = 0; index < 15; ++index)
            code -= x > kNf4Middles[index];
        return __builtin_convertvector(code, U);
    } else if constexpr (Format == LowBitFormat::Nvfp4) {
        const V m = x < 0.f ? -x : x;
        const I index = -((m > 0.25f) + (m >= 0.75f) + (m > 1.25f) + (m >= 1.75f) + (m > 2.5f) + (m >= 3.5f) +
                          (m > 5.0f));
        return __builtin_convertvector(index, U) | (bitsOfAll(x) >> 28 & 8u);
    } else {
        constexpr int kMantissa = Format == LowBitFormat::E5M2 ? 2 : 3,
                      kBias = Format == LowBitFormat::E5M2 ? 15 : 7;
        const V most = V{} + (Format == LowBitFormat::E5M2 ? 57344.f : 448.f);
        const I known = x == x;
        x = x > most ? most : x;
        x = x < -most ? -most : x;
        const U bits = bitsOfAll(x), magnitude = bits & 0x7fffffffu;
        V size;
        __builtin_memcpy(&size, &magnitude, Bytes);
        const float magic = floatOf(uint32_t(127 + 24 - kBias - kMantissa) << 23);
        const U small = bitsOfAll(size + magic) - bitsOf(magic);
        constexpr int kShift = 23 - kMantissa;
        const U rounded = magnitude + ((1u << (kShift - 1)) - 1) + (magnitude >> kShift & 1u);
        const U large = (rounded - (uint32_t(127 - kBias) << 23)) >> kShift;
        const U code = (bits >> 24 & 0x80u) | (magnitude < (uint32_t(128 - kBias) << 23) ? small : large);
        return known ? code : U{} + 0x7fu;
    }
}

template <LowBitFormat Format, int Bytes>
VITRINE_INLINE void encodeGroup(const float* values, int64_t count, float scale, float zero, int bits,
                                uint8_t* codes) {
    using V = simd::Vec<float, Bytes>;
    constexpr int kLanes = Bytes / 4;
    if (Format == LowBitFormat::Nvfp4 && scale == 0) {
        std::fill(codes, codes + count, uint8_t(0));
        return;
    }
    const float last = float((1 << bits) - 1);
    int64_t index = 0;
    for (; index + kLanes <= count; index += kLanes)
        simd::store(
            codes + index,
            __builtin_convertvector(codesOf<Format, Bytes>(simd::load<V>(values + index) / scale, zero, last),
                                    simd::Vec<uint8_t, kLanes>));
    for (; index < count; ++index)
        codes[index] = codeOf<Format>(values[index] / scale, zero, last);
}

template <typename T, LowBitFormat Format>
struct EncodeBody {
    // One group of one row; long groups in pieces.
    template <int Bytes>
    static VITRINE_INLINE void group(const LowBitArguments<T>* a, int64_t row, int64_t start, int64_t index,
                                     float* buffer) {
        const int64_t count = std::min(a->group, a->columns - start);
        const T* values = a->values + row * a->columns + start;
        float* scale = a->scales + index;
        float zero = 0;
        if (a->scaled) {
            float low = 0, high = 0;  // min <= 0 <= max
            for (int64_t first = 0; first < count; first += kChunk) {
                const int64_t size = std::min(kChunk, count - first);
                extend<Bytes>(widened(values + first, size, buffer), size, low, high);
            }
            const GroupScale chosen = groupScale(a->format, a->bits, low, high, a->tensorScale);
            *scale = chosen.scale;
            if (a->zeros)
                a->zeros[index] = chosen.zero;
        }
        if (a->zeros)
            zero = a->zeros[index];
        for (int64_t first = 0; first < count; first += kChunk) {
            const int64_t size = std::min(kChunk, count - first);
            encodeGroup<Format, Bytes>(widened(values + first, size, buffer), size, *scale * a->tensorScale,
                                       zero, a->bits, a->codes + row * a->columns + start + first);
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const LowBitArguments<T>* a, int64_t begin, int64_t end) {
        const int64_t groups = (a->columns + a->group - 1) / a->group;
        float buffer[kChunk];
        for (int64_t row = begin; row < end; ++row)
            for (int64_t index = 0; index < groups; ++index)
                group<Bytes>(a, row, index * a->group, row * groups + index, buffer);
    }
};

struct DecodeBody {
    template <int Bytes>
    static VITRINE_INLINE void run(const LowBitDecodeArguments* a, const float* table, int64_t begin,
                                   int64_t end) {
        const int64_t groups = (a->columns + a->group - 1) / a->group;
        for (int64_t row = begin; row < end; ++row)
            for (int64_t index = 0; index < groups; ++index) {
                const int64_t start = index * a->group, count = std::min(a->group, a->columns - start);
                const uint8_t* codes = a->codes + row * a->columns + start;
                float* values = a->values + row * a->columns + start;
                const float scale = a->scales[row * groups + index] * a->tensorScale;
                if (a->zeros) {
                    const float zero = a->zeros[row * groups + index];
                    for (int64_t place = 0; place < count; ++place)
                        values[place] = scale * (float(int32_t(codes[place])) - zero);
                } else {
                    for (int64_t place = 0; place < count; ++place)
                        values[place] = table[codes[place]] * scale;
                }
            }
    }
};

// Value of every code of the formats without zeros.
std::array<float, 256> tableOf(LowBitFormat format) {
    std::array<float, 256> table{};
    for (uint32_t code = 0; code < 256; ++code)
        table[code] = format == LowBitFormat::E4M3   ? fp8Value(code, 3, 7)
                      : format == LowBitFormat::E5M2 ? fp8Value(code, 2, 15)
                      : format == LowBitFormat::Nf4  ? kNormalFloat4[code & 15]
                                                     : (code & 8 ? -kE2M1[code & 7] : kE2M1[code & 7]);
    return table;
}

template <typename T, LowBitFormat Format>
void encode(const LowBitArguments<T>& a) {
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        simd::dispatch<EncodeBody<T, Format>>(&a, begin, end);
    });
}

void packRow(const uint8_t* codes, int64_t columns, int bits, bool highFirst, uint8_t* packed) {
    if (bits == 4) {
        for (int64_t byte = 0; byte < (columns + 1) / 2; ++byte) {
            const unsigned first = codes[2 * byte] & 15u,
                           second = 2 * byte + 1 < columns ? codes[2 * byte + 1] & 15u : 0;
            packed[byte] = uint8_t(highFirst ? first << 4 | second : second << 4 | first);
        }
        return;
    }
    unsigned pending = 0;
    int held = 0;
    for (int64_t index = 0; index < columns; ++index) {
        pending |= (codes[index] & ((1u << bits) - 1)) << held;
        held += bits;
        for (; held >= 8; held -= 8, pending >>= 8)
            *packed++ = uint8_t(pending);
    }
    if (held > 0)
        *packed = uint8_t(pending);
}

void unpackRow(const uint8_t* packed, int64_t columns, int bits, bool highFirst, uint8_t* codes) {
    if (bits == 4) {
        for (int64_t index = 0; index < columns; ++index)
            codes[index] = uint8_t(packed[index / 2] >> (((index & 1) != 0) != highFirst ? 4 : 0) & 15u);
        return;
    }
    unsigned pending = 0;
    int held = 0;
    for (int64_t index = 0; index < columns; ++index) {
        for (; held < bits; held += 8)
            pending |= unsigned(*packed++) << held;
        codes[index] = uint8_t(pending & ((1u << bits) - 1));
        pending >>= bits;
        held -= bits;
    }
}

}  // namespace

template <typename T>
void lowBitEncodeCpu(const LowBitArguments<T>& a) {
    switch (a.format) {
        case LowBitFormat::Affine:
        case LowBitFormat::Symmetric:
            return encode<T, LowBitFormat::Affine>(a);
        case LowBitFormat::E4M3:
            return encode<T, LowBitFormat::E4M3>(a);
        case LowBitFormat::E5M2:
            return encode<T, LowBitFormat::E5M2>(a);
        case LowBitFormat::Nf4:
            return encode<T, LowBitFormat::Nf4>(a);
        case LowBitFormat::Nvfp4:
            return encode<T, LowBitFormat::Nvfp4>(a);
    }
}

void lowBitDecodeCpu(const LowBitDecodeArguments& a) {
    const auto table = tableOf(a.format);
    const float* entries = table.data();
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        simd::dispatch<DecodeBody>(&a, entries, begin, end);
    });
}

void packBitsCpu(const PackBitsArguments& a) {
    const int64_t width = packedBytes(a.columns, a.bits);
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            packRow(a.codes + row * a.columns, a.columns, a.bits, a.highFirst, a.packed + row * width);
    });
}

void unpackBitsCpu(const UnpackBitsArguments& a) {
    const int64_t width = packedBytes(a.columns, a.bits);
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            unpackRow(a.packed + row * width, a.columns, a.bits, a.highFirst, a.codes + row * a.columns);
    });
}

template void lowBitEncodeCpu(const LowBitArguments<float>&);
template void lowBitEncodeCpu(const LowBitArguments<Half>&);
template void lowBitEncodeCpu(const LowBitArguments<BFloat16>&);

}  // namespace vitrine::kernels
