#include "core/io/dtype.h"

#include "core/base/check.h"

#include <array>

namespace vitrine {
namespace {

struct Row {
    DType dtype;
    std::string_view name;
    int bits;  // of one element; block formats: of one block
    int elementsPerBlock;
};

// In the order of the enumeration, so that a dtype is its own index.
constexpr std::array kRows{
    Row{DType::Bool, "BOOL", 8, 1},
    Row{DType::U8, "U8", 8, 1},
    Row{DType::I8, "I8", 8, 1},
    Row{DType::F8E4M3, "F8_E4M3", 8, 1},
    Row{DType::F8E5M2, "F8_E5M2", 8, 1},
    Row{DType::I16, "I16", 16, 1},
    Row{DType::U16, "U16", 16, 1},
    Row{DType::F16, "F16", 16, 1},
    Row{DType::BF16, "BF16", 16, 1},
    Row{DType::I32, "I32", 32, 1},
    Row{DType::U32, "U32", 32, 1},
    Row{DType::F32, "F32", 32, 1},
    Row{DType::I64, "I64", 64, 1},
    Row{DType::U64, "U64", 64, 1},
    Row{DType::F64, "F64", 64, 1},
    Row{DType::C64, "C64", 64, 1},
    Row{DType::F4, "F4", 4, 1},
    Row{DType::F6E2M3, "F6_E2M3", 6, 1},
    Row{DType::F6E3M2, "F6_E3M2", 6, 1},
    Row{DType::F8E8M0, "F8_E8M0", 8, 1},
    Row{DType::I4, "I4", 4, 1},
    Row{DType::Q8_0, "Q8_0", 34 * 8, 32},
    Row{DType::Q4_0, "Q4_0", 18 * 8, 32},
    Row{DType::Q4_1, "Q4_1", 20 * 8, 32},
    Row{DType::Q5_0, "Q5_0", 22 * 8, 32},
    Row{DType::Q5_1, "Q5_1", 24 * 8, 32},
    Row{DType::Q2_K, "Q2_K", 84 * 8, 256},
    Row{DType::Q3_K, "Q3_K", 110 * 8, 256},
    Row{DType::Q4_K, "Q4_K", 144 * 8, 256},
    Row{DType::Q5_K, "Q5_K", 176 * 8, 256},
    Row{DType::Q6_K, "Q6_K", 210 * 8, 256},
    Row{DType::IQ4_NL, "IQ4_NL", 18 * 8, 32},
    Row{DType::IQ4_XS, "IQ4_XS", 136 * 8, 256},
};

const Row& rowOf(DType dtype) {
    const Row& row = kRows.at(size_t(dtype));
    VITRINE_CHECK(row.dtype == dtype, "the table follows the enumeration");
    return row;
}

}  // namespace

std::string_view dtypeName(DType dtype) {
    return rowOf(dtype).name;
}

std::optional<DType> dtypeFromName(std::string_view name) {
    for (const Row& row : kRows)
        if (row.name == name)
            return row.dtype;
    return std::nullopt;
}

int elementsPerBlock(DType dtype) {
    return rowOf(dtype).elementsPerBlock;
}

int bitsPerElement(DType dtype) {
    const Row& row = rowOf(dtype);
    return row.bits / row.elementsPerBlock;
}

std::optional<uint64_t> byteCount(DType dtype, uint64_t elementCount) {
    const Row& row = rowOf(dtype);
    if (elementCount % uint64_t(row.elementsPerBlock) != 0)
        return std::nullopt;
    uint64_t bits = 0;
    if (__builtin_mul_overflow(elementCount / uint64_t(row.elementsPerBlock), uint64_t(row.bits), &bits) ||
        bits % 8 != 0)
        return std::nullopt;
    return bits / 8;
}

}  // namespace vitrine
