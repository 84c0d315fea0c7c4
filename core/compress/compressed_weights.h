// The saved form of compressed layers: packed 2:4 values, low-bit codes, low-rank paths, in one safetensors
// file whose metadata holds a manifest (format, scales, shapes). What was packed is what comes back, to the
// bit.
#pragma once

#include "core/compress/low_bit_matrix.h"
#include "core/compress/low_rank.h"

#include <filesystem>
#include <optional>

namespace vitrine {

struct CompressedLinear {
    int64_t rows = 0, columns = 0;
    at::Tensor dense;  // one of these holds Ŵ
    // 2:4. Together with low-bit codes it has no values: the codes are those of the kept values (o, k/2),
    // whose groups are half as wide.
    std::optional<kernels::Packed24> sparse;  // 2:4
    std::optional<LowBitMatrix> lowBit;
    std::optional<LowRankPath> lowRank;  // added to it

    // Ŵ + B A, float32 unless the packed values have another type.
    at::Tensor weight() const;
    // With the first `rank` directions of the low-rank path; 0: none of it, negative: all.
    CompressedLinear ofRank(int64_t rank) const;
    int64_t byteCount() const;
};

// 2:4 values of a weight. ShapeMismatch unless columns come in fours; InvalidArgument names the number of
// groups that have more than two weights, and the first of them.
Result<kernels::Packed24> pack24(const at::Tensor& weight);

// 2:4 weights whose codes are given as the codes of their kept values; nothing where groups of scales do not
// fall into groups of four columns (NVFP4 among them).
std::optional<CompressedLinear> sparseLowBit(const at::Tensor& weight, const LowBitMatrix& codes);

struct CompressedWeights {
    std::map<std::string, CompressedLinear> layers;
    std::map<std::string, std::string> metadata;  // free text: lineage

    int64_t byteCount() const;
    Result<void> save(const std::filesystem::path& file) const;
    static Result<CompressedWeights> load(const std::filesystem::path& file);
};

}  // namespace vitrine
