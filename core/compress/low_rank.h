// Low-rank compensation of a compressed layer: y = x Ŵᵀ + (x Aᵀ) Bᵀ, B (o, r), A (r, k), with B A near ΔW = W
// - Ŵ.
//   Eora              EoRA (Liu et al. 2024): least error of the output over the calibrated inputs, ‖(ΔW - B
//   A) C^½‖ PlainSvd          least error of the weights (ZeroQuant-V2) ActivationScaled  columns of ΔW
//   weighted by the mean |x_j|
// EoRA's eigenspace projection ΔW' = ΔW Q Λ^½ = U Σ Vᵀ has the left singular vectors U of ΔW C ΔWᵀ, and the
// best B A of rank r is U_r U_rᵀ ΔW: neither Λ^-½ nor an eigenvalue that is 0 enters. Singular values are
// those of the paper.
#pragma once

#include "core/compress/calibration_statistics.h"

#include <optional>
#include <vector>

namespace vitrine {

enum class LowRankMethod { Eora, PlainSvd, ActivationScaled };
const char* lowRankMethodName(LowRankMethod method);  // "eora", "svd", "activation_scaled"
Result<LowRankMethod> lowRankMethodFromName(const std::string& name);

struct LowRankPath {
    at::Tensor up;    // B (o, r)
    at::Tensor down;  // A (r, k)
    // Σ of the method's own projected error, all of them, descending (float64).
    at::Tensor singularValues;
    // Σ_(i>r) σ_i² in the method's own metric; for Eora the mean squared length of the output's error that is
    // left for each calibrated token.
    double predictedError = 0;

    int64_t rank() const { return down.defined() ? down.size(0) : 0; }
    at::Tensor product() const { return up.matmul(down); }
};

// difference ΔW (o, k) floating; rank 1 to min(o, k). Errors: InvalidArgument for a rank larger than the
// matrix ("rank 300 is larger than ..."), ShapeMismatch for statistics of another k, InvalidArgument where
// Eora has no full moments.
Result<LowRankPath> compensate(const at::Tensor& difference, const LinearStatistics& statistics,
                               LowRankMethod method, int64_t rank);

// Mean squared length over calibrated tokens of x ΔWᵀ: tr(ΔW C ΔWᵀ). Float64; `moment` (k, k) or its diagonal
// (k).
double outputError(const at::Tensor& difference, const at::Tensor& moment);

// Ŵ + B A in the type of Ŵ.
at::Tensor foldedWeight(const at::Tensor& weight, const LowRankPath& path);

// Where an error lies: eigenvalues of C, descending, and the energy of ΔW along each eigenvector, |ΔW q_i|².
struct ErrorSpectrum {
    at::Tensor eigenvalues, energy;  // (k), float64
};
Result<ErrorSpectrum> errorSpectrum(const at::Tensor& difference, const LinearStatistics& statistics);

}  // namespace vitrine
