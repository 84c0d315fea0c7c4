// The quantised blocks of GGUF files as numbers (layouts: ggml, block_q4_0 ... block_iq4_xs of
// ggml-common.h).
//
// A block is 32 or 256 neighbours of a row. Its scale is a half; blocks of 256 hold a small integer scale for
// each 16 or 32 values besides. A value is scale × level (Q*_0, Q3_K, Q6_K, IQ4_*) or scale × level + offset
// (Q*_1, Q2_K, Q4_K, Q5_K). The products have 24 bits at most, so float32 holds them exactly and only the
// offset's sum is rounded: the result does not depend on the order or fusing of operations.
#pragma once

#include "core/io/dtype.h"

#include <cstddef>

namespace vitrine {

constexpr int kMostBlockElements = 256;

// Writes the elementsPerBlock values of the block at `block`.
using GgufBlockDecoder = void (*)(const std::byte* block, float* values);

// Null for dtypes that are not stored in blocks.
GgufBlockDecoder ggufBlockDecoder(DType dtype);

}  // namespace vitrine
