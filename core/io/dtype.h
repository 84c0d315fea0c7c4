// Element types of stored tensors, under the names that safetensors uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vitrine {

enum class DType {
    Bool,
    U8,
    I8,
    F8E4M3,
    F8E5M2,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    I64,
    U64,
    F64,
    C64,
    F4,
    F6E2M3,
    F6E3M2,
    F8E8M0,
    I4,  // sub-byte and scale formats: sized and passed through as raw bytes
    // GGUF blocks along a row: 32 values, or 256 (Q*_K and IQ4_XS), with their scales
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    IQ4_XS
};

// "BF16", "F8_E4M3", ...
std::string_view dtypeName(DType dtype);
std::optional<DType> dtypeFromName(std::string_view name);
// Values that are stored together: 32 or 256 for the GGUF block formats, 1 for all others.
int elementsPerBlock(DType dtype);
// Bits of one element; for the GGUF block formats the bits per element including the scales, rounded down:
// use byteCount.
int bitsPerElement(DType dtype);
// Bytes of `elementCount` contiguous elements; nothing if they do not fill whole bytes or blocks.
std::optional<uint64_t> byteCount(DType dtype, uint64_t elementCount);

}  // namespace vitrine
