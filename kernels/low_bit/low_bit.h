// Codecs of low-bit weights: numbers of a matrix as codes of 2 to 8 bits with scales along its rows.
//   Affine     code = clamp(round(w / s) + z, 0, 2^b - 1), w' = s (code - z), with s = (max - min) / (2^b -
//   1),
//              z = round(-min / s) and min <= 0 <= max; a group of zeros takes min = -1, max = 1
//   Symmetric  the same with max = largest |w|, min = -max, z = 2^(b-1)
//   E4M3, E5M2 8-bit floating numbers of w / s, s = largest |w| / 448 (57344), clamped before the cast; s = 1
//   for zeros Nf4        nearest of the 16 normal-float numbers to w / s, s = largest |w|; s = 1 for zeros
//   Nvfp4      E2M1 code (sign << 3 | index of 0 .5 1 1.5 2 3 4 6) of w / (s s_t) in blocks of 16; s is
//   itself an E4M3
//              number, largest |w| / (6 s_t) rounded, and s_t = largest of the tensor / (6 * 448). Where s
//              rounds to 0 all codes are 0.
// Rounding is to nearest, ties to even. Scales are float32; those of Nvfp4 exact E4M3 values. NaN gives an
// unspecified code, but never another cell's.
#pragma once

#include "kernels/common/element.h"
#include "kernels/common/host_device.h"

namespace vitrine::kernels {

enum class LowBitFormat : int { Affine, Symmetric, E4M3, E5M2, Nf4, Nvfp4 };
constexpr int64_t kLowBitFormats = 6;
constexpr int64_t kNvfp4Block = 16;

// Normal-float numbers (Dettmers et al. 2023) and the magnitudes of E2M1.
constexpr float kNormalFloat4[16] = {-1.0f,
                                     -0.6961928009986877f,
                                     -0.5250730514526367f,
                                     -0.39491748809814453f,
                                     -0.28444138169288635f,
                                     -0.18477343022823334f,
                                     -0.09105003625154495f,
                                     0.0f,
                                     0.07958029955625534f,
                                     0.16093020141124725f,
                                     0.24611230194568634f,
                                     0.33791524171829224f,
                                     0.44070982933044434f,
                                     0.5626170039176941f,
                                     0.7229568362236023f,
                                     1.0f};
constexpr float kE2M1[8] = {0.f, 0.5f, 1.f, 1.5f, 2.f, 3.f, 4.f, 6.f};

// values (rows, columns); every `group` neighbouring columns share a scale, the last group may be shorter.
template <typename T>
struct LowBitArguments {
    const T* values;
    uint8_t* codes;  // (rows, columns), one code a byte
    float* scales;   // (rows, groups); read instead of written where `scaled` is false
    float* zeros;    // (rows, groups), z of Affine and Symmetric; null for the other formats
    int64_t rows, columns, group;
    LowBitFormat format;
    int bits;           // of Affine and Symmetric, 2 to 8
    bool scaled;        // choose scales (else `scales` are given)
    float tensorScale;  // s_t of Nvfp4; 1 otherwise
};

struct LowBitDecodeArguments {
    const uint8_t* codes;
    const float* scales;
    const float* zeros;
    float* values;
    int64_t rows, columns, group;
    LowBitFormat format;
    float tensorScale;
};

// Codes of `bits` bits side by side, each row starting at a byte of its own. The first code takes the lowest
// bits, or, with `highFirst` (4 bits only), the high half of a byte.
struct PackBitsArguments {
    const uint8_t* codes;  // (rows, columns)
    uint8_t* packed;       // (rows, packedBytes)
    int64_t rows, columns;
    int bits;
    bool highFirst;
};
struct UnpackBitsArguments {
    const uint8_t* packed;
    uint8_t* codes;
    int64_t rows, columns;
    int bits;
    bool highFirst;
};

VITRINE_HOST_DEVICE constexpr int64_t packedBytes(int64_t columns, int64_t bits) {
    return (columns * bits + 7) / 8;
}

// T: float, Half, BFloat16. Threaded, vectorised. All arrays contiguous.
template <typename T>
void lowBitEncodeCpu(const LowBitArguments<T>& arguments);
void lowBitDecodeCpu(const LowBitDecodeArguments& arguments);
void packBitsCpu(const PackBitsArguments& arguments);
void unpackBitsCpu(const UnpackBitsArguments& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. None waits.
template <typename T>
void lowBitEncodeCuda(const LowBitArguments<T>& arguments, void* stream);
void lowBitDecodeCuda(const LowBitDecodeArguments& arguments, void* stream);
void packBitsCuda(const PackBitsArguments& arguments, void* stream);
void unpackBitsCuda(const UnpackBitsArguments& arguments, void* stream);

}  // namespace vitrine::kernels
