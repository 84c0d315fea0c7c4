// The column sweep that SparseGPT (Frantar & Alistarh 2023) and GPTQ (Frantar et al. 2022) share: columns are
// fixed from left to right, pruned or rounded or both, and what each does to the output is made up for in the
// columns right of it, by the rows of R = upper Cholesky factor of the inverse Hessian:
//   q = fixed(w_j),   e = (w_j - q) / R_jj,   w_(j+1..) -= e R_j,(j+1..)
// Rows of the weight are independent of each other, so a block of columns is swept row by row inside the
// cache, and only the correction of later blocks is a matrix product.
#pragma once

#include "core/compress/inverse_factor.h"
#include "core/compress/low_bit_matrix.h"
#include "core/compress/sparsity.h"

#include <optional>

namespace vitrine {

struct SweepOptions {
    std::optional<SparsityPattern> sparsity;
    std::optional<LowBitFormatSpec> quantization;
    // uint8 (o, k), in place of `sparsity`: which weights stay is decided already (Wanda's mask, a learned
    // one).
    at::Tensor fixedMask;
    int64_t blockColumns = 128;

    // InvalidArgument: nothing to do; groups of an N:M pattern moved apart by `actOrder`.
    Result<void> validate(bool actOrder) const;
};

struct SweptMatrix {
    at::Tensor weight;                      // (o, k) in the type of the given one
    at::Tensor mask;                        // uint8 (o, k), without sparsity undefined
    std::optional<LowBitMatrix> quantized;  // what `weight` was decoded from
};

// weight (o, k), floating. Dead inputs get weights of 0. Errors: those of the options, of the pattern,
// ShapeMismatch for a factor of another size, InvalidArgument for weights that are not finite.
Result<SweptMatrix> sweepColumns(const at::Tensor& weight, const InverseFactor& factor,
                                 const SweepOptions& options);

// SparseGPT's mask without its update of the weights: scores (w / R_jj)² of the given weights.
Result<at::Tensor> sparseGptMask(const at::Tensor& weight, const InverseFactor& factor,
                                 const SparsityPattern& pattern);

}  // namespace vitrine
