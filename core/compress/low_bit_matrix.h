// A weight matrix in a low-bit format: packed codes, scales, and what is needed to decode it.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"
#include "kernels/compression_operators.h"

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace vitrine {

using kernels::LowBitFormat;

struct LowBitFormatSpec {
    LowBitFormat format = LowBitFormat::Affine;
    int64_t bits = 4;        // of Affine and Symmetric; 8 for FP8, 4 for the others
    int64_t group = 128;     // inputs that share a scale; 0: a whole row. Nvfp4: 16 always
    bool perTensor = false;  // FP8: one scale for all

    // "int4", "int4_symmetric", "fp8_e4m3", "fp8_e5m2", "nf4", "nvfp4".
    std::string name() const;
    // The format of that name with its usual group (128, row, 64, 16).
    static Result<LowBitFormatSpec> fromName(const std::string& name);
    Result<void> validate() const;
    int64_t codeBits() const;
    // Columns that share a scale in a matrix of `columns`.
    int64_t groupWidth(int64_t columns) const;
    bool hasZeros() const { return format == LowBitFormat::Affine || format == LowBitFormat::Symmetric; }
    // NF4 puts the first code into the high half of a byte.
    bool highFirst() const { return format == LowBitFormat::Nf4; }
    bool operator==(const LowBitFormatSpec&) const = default;
};

struct LowBitMatrix {
    LowBitFormatSpec spec;
    int64_t rows = 0, columns = 0;
    at::Tensor packed;  // uint8 (rows, ceil(columns bits / 8))
    at::Tensor scales;  // float32 (rows, groups); exact E4M3 numbers for NVFP4
    at::Tensor zeros;   // float32 (rows, groups) or undefined
    double tensorScale = 1;

    at::Tensor decode() const;  // float32 (rows, columns)
    // Bytes of all parts as they are saved.
    int64_t byteCount() const;
    double bitsPerWeight() const {
        return 8.0 * double(byteCount()) / double(std::max<int64_t>(1, rows * columns));
    }

    // Tensors under "packed", "scales", ... and what a manifest says of them; fromParts checks every shape
    // (InvalidFile).
    std::map<std::string, at::Tensor> parts() const;
    Json manifest() const;
    static Result<LowBitMatrix> fromParts(const Json& manifest,
                                          const std::map<std::string, at::Tensor>& parts);
};

// Rounds to nearest. InvalidArgument for weights that are not finite, ShapeMismatch for other than (rows,
// columns).
Result<LowBitMatrix> quantize(const at::Tensor& weight, const LowBitFormatSpec& spec);
// With scales (rows, groups) and zeros that are given.
LowBitMatrix quantizeWithScales(const at::Tensor& weight, const LowBitFormatSpec& spec,
                                const kernels::LowBitCodes& given);

}  // namespace vitrine
