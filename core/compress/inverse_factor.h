// The triangular factor that SparseGPT and GPTQ sweep with, made once for all layers that share their input.
#pragma once

#include "core/compress/calibration_statistics.h"

namespace vitrine {

struct InverseFactorOptions {
    double damping = 0.01;  // times the mean of the living diagonal, added to it
    bool actOrder = false;  // columns in descending order of the diagonal

    Result<void> validate() const;
};

struct InverseFactor {
    at::Tensor upper;    // R (k, k) float32, upper: Rᵀ R = (C + λ I)⁻¹, for the columns in `order`
    at::Tensor order;    // (k) int64, position -> column; undefined: as they are
    at::Tensor dead;     // (k) bool, inputs that were always 0, by column
    double damping = 0;  // that was needed: tenfold the wanted one for each failed factorisation
};

// Two triangular factorisations in place of Cholesky, inverse and Cholesky: with J turning the order around,
// J H J = L Lᵀ gives H = U Uᵀ for the upper U = J L J, and R = U⁻¹. Computed in float64 up to k = 512,
// in float32 beyond, as published.
// Errors: InvalidArgument without full second moments or tokens, and where the matrix stays singular with a
// damping of 1, saying how many tokens there were.
Result<InverseFactor> inverseFactor(const LinearStatistics& statistics,
                                    const InverseFactorOptions& options = {});

// Inverse of an upper triangular matrix by halves.
at::Tensor inverseOfUpper(const at::Tensor& upper);

}  // namespace vitrine
