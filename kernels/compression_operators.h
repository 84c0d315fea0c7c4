// Kernels of model compression as torch operators (namespace "vitrine"): 2:4 sparsity, relaxed masks and
// low-bit codecs. Errors, devices and checks as in operators.h.
#pragma once

#include "kernels/low_bit/low_bit.h"

#include <ATen/ATen.h>

#include <optional>
#include <tuple>

namespace vitrine::kernels {

// scores (..., columns) f32/f64/f16/bf16, scale (columns) -> uint8 (..., columns / 4): for every group of
// four the pattern 0..5 (sparse24/sparse24.h) that keeps its two largest scores; |score| with `magnitude`,
// times scale. Equal ones: the lower column stays. columns must be a multiple of 4.
at::Tensor sparse24Search(const at::Tensor& scores, const std::optional<at::Tensor>& scale = {},
                          bool magnitude = true);

// weight (..., columns) with all but what the patterns (..., columns / 4) keep set to 0.
at::Tensor sparse24Apply(const at::Tensor& weight, const at::Tensor& patterns);

// weight (rows, columns) f32/f64/f16/bf16/int8 -> values (rows, columns / 2), metadata (rows, words) int16
// with 4 groups a word, or int32 with 8 for int8 values. `violations` counts groups of more than two non-zero
// weights, of which only the first two are kept: the caller decides.
struct Packed24 {
    at::Tensor values, metadata;
    int64_t violations = 0;
};
Packed24 sparse24Pack(const at::Tensor& weight);
at::Tensor sparse24Unpack(const at::Tensor& values, const at::Tensor& metadata);

// x (..., columns), values and metadata of a packed weight (rows, columns), bias (rows) -> (..., rows): x Wᵀ
// + b, summed in float32 (float64 for float64 values), in the type of x.
at::Tensor sparse24Linear(const at::Tensor& x, const at::Tensor& values, const at::Tensor& metadata,
                          const std::optional<at::Tensor>& bias = {});

// logits (..., 6) or (..., 4), f32/f64 -> relaxed mask (..., 4), times weight (..., 4) if given; see
// gumbel_mask/gumbel_mask.h. Differentiable in the logits, not in the weight; `hard` has the gradient of the
// soft mask.
at::Tensor gumbelMask(const at::Tensor& logits, const std::optional<at::Tensor>& weight, int64_t seed,
                      double kappa, double tau, bool hard = false);

// Codes, scales and zeros of a matrix; see low_bit/low_bit.h. `group` columns share a scale (0: a whole row).
struct LowBitCodes {
    at::Tensor codes;        // uint8 (rows, columns)
    at::Tensor scales;       // f32 (rows, groups)
    at::Tensor zeros;        // f32 (rows, groups); undefined for formats without
    double tensorScale = 1;  // of Nvfp4
};
// values (rows, columns) f32/f64/f16/bf16. With `scales` (and `zeros`) given, they are used as they are.
// Nvfp4 always has groups of 16.
LowBitCodes lowBitEncode(const at::Tensor& values, LowBitFormat format, int64_t bits, int64_t group,
                         const LowBitCodes& given = {});
// f32 (rows, columns).
at::Tensor lowBitDecode(const LowBitCodes& codes, LowBitFormat format, int64_t group);

// codes uint8 (rows, columns) of `bits` bits <-> uint8 (rows, ceil(columns bits / 8)).
at::Tensor packBits(const at::Tensor& codes, int64_t bits, bool highFirst = false);
at::Tensor unpackBits(const at::Tensor& packed, int64_t bits, int64_t columns, bool highFirst = false);

}  // namespace vitrine::kernels
