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
    Q8_0,
    Q4_0
};  // GGUF blocks of 32 values with one F16 scale

// "BF16", "F8_E4M3", ...
std::string_view dtypeName(DType dtype);
std::optional<DType> dtypeFromName(std::string_view name);
// Bits of one element; for the GGUF block formats the bits per element including the scale (8.5 and 4.5 do
// not fit an integer): use byteCount.
int bitsPerElement(DType dtype);
// Bytes of `elementCount` contiguous elements; nothing if they do not fill whole bytes or blocks.
std::optional<uint64_t> byteCount(DType dtype, uint64_t elementCount);

}  // namespace vitrine
