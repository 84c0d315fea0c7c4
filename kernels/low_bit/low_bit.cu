#include "kernels/common/cuda_element.cuh"
#include "kernels/low_bit/low_bit.h"
#include "kernels/low_bit/low_bit_numbers.h"

namespace vitrine::kernels {
namespace {

constexpr int kThreads = 128;

__device__ uint32_t codeOf(LowBitFormat format, int bits, float value, float scale, float zero) {
    switch (format) {
        case LowBitFormat::Affine:
        case LowBitFormat::Symmetric: {
            const float last = float((1 << bits) - 1);
            float q = rintf(value / scale) + zero;
            q = q > 0.f ? q : 0.f;
            return uint32_t(q < last ? q : last);
        }
        case LowBitFormat::Nf4:
            return nf4Code(value / scale);
        case LowBitFormat::Nvfp4:
            return scale == 0 ? 0u : e2m1Code(value / scale);
        default: {
            const Fp8Layout layout = fp8Layout(format);
            const float x = value / scale;
            if (x != x)
                return 0x7fu;
            const float limited =
                x < layout.largest ? (x > -layout.largest ? x : -layout.largest) : layout.largest;
            return fp8Code(limited, layout.mantissaBits, layout.bias);
        }
    }
}

// One warp for one group.
template <typename T>
__global__ void encode(LowBitArguments<T> a) {
    const int64_t groups = (a.columns + a.group - 1) / a.group;
    const int64_t index = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    const int lane = int(threadIdx.x & 31);
    if (index >= a.rows * groups)
        return;
    const int64_t start = index % groups * a.group;
    const int64_t count = a.group < a.columns - start ? a.group : a.columns - start;
    const T* values = a.values + index / groups * a.columns + start;
    if (a.scaled) {
        float low = 0, high = 0;
        for (int64_t place = lane; place < count; place += 32) {
            const float x = wide(values[place]);
            low = x < low ? x : low;
            high = x > high ? x : high;
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            low = fminf(low, __shfl_xor_sync(0xffffffffu, low, distance));
            high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, distance));
        }
        if (lane == 0) {
            const GroupScale chosen = groupScale(a.format, a.bits, low, high, a.tensorScale);
            a.scales[index] = chosen.scale;
            if (a.zeros)
                a.zeros[index] = chosen.zero;
        }
        __syncwarp();
    }
    const float scale = a.scales[index] * a.tensorScale, zero = a.zeros ? a.zeros[index] : 0.f;
    for (int64_t place = lane; place < count; place += 32)
        a.codes[index / groups * a.columns + start + place] =
            uint8_t(codeOf(a.format, a.bits, wide(values[place]), scale, zero));
}

__device__ float valueOf(LowBitFormat format, uint32_t code) {
    constexpr float kNormal[16] = {-1.0f,
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
    constexpr float kMagnitude[8] = {0.f, 0.5f, 1.f, 1.5f, 2.f, 3.f, 4.f, 6.f};
    switch (format) {
        case LowBitFormat::E4M3:
            return fp8Value(code, 3, 7);
        case LowBitFormat::E5M2:
            return fp8Value(code, 2, 15);
        case LowBitFormat::Nf4:
            return kNormal[code & 15];
        default:
            return code & 8 ? -kMagnitude[code & 7] : kMagnitude[code & 7];
    }
}

__global__ void decode(LowBitDecodeArguments a) {
    const int64_t cell = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (cell >= a.rows * a.columns)
        return;
    const int64_t groups = (a.columns + a.group - 1) / a.group;
    const int64_t index = cell / a.columns * groups + cell % a.columns / a.group;
    const float scale = a.scales[index] * a.tensorScale;
    a.values[cell] =
        a.zeros ? scale * (float(a.codes[cell]) - a.zeros[index]) : valueOf(a.format, a.codes[cell]) * scale;
}

// One thread for one packed byte.
__global__ void pack(PackBitsArguments a) {
    const int64_t width = packedBytes(a.columns, a.bits);
    const int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= a.rows * width)
        return;
    const uint8_t* codes = a.codes + index / width * a.columns;
    const int64_t firstBit = index % width * 8;
    unsigned byte = 0;
    for (int64_t column = firstBit / a.bits; column < a.columns && column * a.bits < firstBit + 8; ++column) {
        const unsigned code = codes[column] & ((1u << a.bits) - 1);
        const int64_t shift = column * a.bits - firstBit;
        const int64_t turned = a.highFirst ? 4 - shift : shift;
        byte |= turned >= 0 ? code << turned : code >> -turned;
    }
    a.packed[index] = uint8_t(byte);
}

// One thread for one code.
__global__ void unpack(UnpackBitsArguments a) {
    const int64_t cell = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (cell >= a.rows * a.columns)
        return;
    const int64_t width = packedBytes(a.columns, a.bits);
    const int64_t bit = cell % a.columns * a.bits, byte = bit / 8;
    const uint8_t* packed = a.packed + cell / a.columns * width;
    const unsigned two = packed[byte] | (byte + 1 < width ? unsigned(packed[byte + 1]) << 8 : 0u);
    const int64_t shift = a.highFirst ? 4 - bit % 8 : bit % 8;
    a.codes[cell] = uint8_t(two >> shift & ((1u << a.bits) - 1));
}

}  // namespace

template <typename T>
void lowBitEncodeCuda(const LowBitArguments<T>& a, void* stream) {
    const int64_t groups = (a.columns + a.group - 1) / a.group;
    encode<T>
        <<<blocksFor(32 * a.rows * groups, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}
void lowBitDecodeCuda(const LowBitDecodeArguments& a, void* stream) {
    decode<<<blocksFor(a.rows * a.columns, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}
void packBitsCuda(const PackBitsArguments& a, void* stream) {
    const int64_t count = a.rows * packedBytes(a.columns, a.bits);
    pack<<<blocksFor(count, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}
void unpackBitsCuda(const UnpackBitsArguments& a, void* stream) {
    unpack<<<blocksFor(a.rows * a.columns, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
}

template void lowBitEncodeCuda(const LowBitArguments<float>&, void*);
template void lowBitEncodeCuda(const LowBitArguments<Half>&, void*);
template void lowBitEncodeCuda(const LowBitArguments<BFloat16>&, void*);

}  // namespace vitrine::kernels
