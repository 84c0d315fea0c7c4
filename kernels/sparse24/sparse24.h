// 2:4 sparsity: in every aligned group of four neighbouring input columns at most two weights are not zero.
// Pattern of a group, index order everywhere: 0:1100 1:1010 2:1001 3:0110 4:0101 5:0011 (first column first).
//
// Packed form (the layout of sparse tensor cores before any reordering): the two kept values of each group in
// order, and 4 bits of metadata per group: low 2 bits the position of the first kept value, high 2 bits that
// of the second. Groups with fewer than two non-zero values name two positions all the same:
//   0000, 0001, 0010 -> 2, 3      0100 -> 1, 3      1000 -> 0, 3
// Metadata words hold the groups of a row from their low bits on: int16 words of 4 groups, int32 words of 8
// groups for 8-bit values. The last word of a row is filled up with groups of zeros.
#pragma once

#include "kernels/common/element.h"
#include "kernels/common/host_device.h"

namespace vitrine::kernels {

constexpr int64_t kPatterns24 = 6;

// Bit i set: column i of the group is kept; by pattern.
VITRINE_HOST_DEVICE VITRINE_INLINE unsigned keptBits24(unsigned pattern) {
    // Nibbles of 1100, 1010, 1001, 0110, 0101, 0011 with the first column as lowest bit.
    return (0xCA6953u >> (4 * pattern)) & 15u;
}

// Pattern by kept bits (two of them set).
VITRINE_HOST_DEVICE VITRINE_INLINE unsigned patternOfBits24(unsigned bits) {
    // 0011 -> 0, 0101 -> 1, 1001 -> 2, 0110 -> 3, 1010 -> 4, 1100 -> 5 (highest bit first).
    return unsigned((0x0005042003100000ull >> (4 * bits)) & 15u);
}

// Metadata by the bits of non-zero values (any number of them; of more than two the first two count).
VITRINE_HOST_DEVICE VITRINE_INLINE unsigned metadataOfBits24(unsigned bits) {
    // 0:E 1:C 2:D 3:4 4:E 5:8 6:9 7:4 8:E 9:C 10:D 11:4 12:E 13:8 14:9 15:4
    return unsigned((0x498E4DCE498E4DCEull >> (4 * bits)) & 15u);
}

// scores (rows, columns), columns = 4 groups; scale (columns) or null. Per group the pattern whose two scores
// |score| * scale (or score * scale, if not `magnitude`) are the largest; equal ones: the lower column stays;
// NaN ranks below everything.
template <typename T>
struct Search24Arguments {
    using Real = typename Accumulated<T>::type;
    const T* scores;
    const Real* scale;
    uint8_t* patterns;  // (rows, columns / 4)
    int64_t rows, columns;
    bool magnitude;
};

// out = weight where the pattern keeps it, else 0.
template <typename T>
struct Apply24Arguments {
    const T* weight;
    const uint8_t* patterns;
    T* out;
    int64_t groups;
};

// T: float, double, Half, BFloat16 with Word int16_t; int8_t with int32_t.
template <typename T, typename Word>
struct Pack24Arguments {
    const T* weight;      // (rows, columns)
    T* values;            // (rows, columns / 2)
    Word* metadata;       // (rows, words)
    int64_t* violations;  // [1], groups with more than two values that are not zero; adds to what is there
    int64_t rows, columns;
};
template <typename T, typename Word>
struct Unpack24Arguments {
    const T* values;
    const Word* metadata;
    T* weight;
    int64_t rows, columns;
};

// out[n,o] = sum over kept values of value * x[n, column] + bias[o], summed in Real.
template <typename T>
struct Product24Arguments {
    using Real = typename Accumulated<T>::type;
    const Real* x;            // (count, columns)
    const T* values;          // (rows, columns / 2)
    const int16_t* metadata;  // (rows, words)
    const Real* bias;         // (rows) or null
    Real* out;                // (count, rows)
    int64_t count, rows, columns;
};

VITRINE_HOST_DEVICE constexpr int64_t words24(int64_t columns, int64_t groupsPerWord) {
    return (columns / 4 + groupsPerWord - 1) / groupsPerWord;
}

// Threaded, vectorised. All arrays contiguous.
template <typename T>
void search24Cpu(const Search24Arguments<T>& arguments);
template <typename T>
void apply24Cpu(const Apply24Arguments<T>& arguments);
template <typename T, typename Word>
void pack24Cpu(const Pack24Arguments<T, Word>& arguments);
template <typename T, typename Word>
void unpack24Cpu(const Unpack24Arguments<T, Word>& arguments);
template <typename T>
void product24Cpu(const Product24Arguments<T>& arguments);

// The same on the current CUDA device; pointers are device memory, `stream` is a cudaStream_t. None waits.
template <typename T>
void search24Cuda(const Search24Arguments<T>& arguments, void* stream);
template <typename T>
void apply24Cuda(const Apply24Arguments<T>& arguments, void* stream);
template <typename T, typename Word>
void pack24Cuda(const Pack24Arguments<T, Word>& arguments, void* stream);
template <typename T, typename Word>
void unpack24Cuda(const Unpack24Arguments<T, Word>& arguments, void* stream);
template <typename T>
void product24Cuda(const Product24Arguments<T>& arguments, void* stream);

}  // namespace vitrine::kernels
