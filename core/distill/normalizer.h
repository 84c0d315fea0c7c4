// Invertible normalisation of a teacher's features, y' = W (y - μ), so that teachers of different loudness
// and channels of different variance weigh alike in a squared loss (PHI-S, Ranzinger et al. 2024, section 4
// and table of methods). With Σ = U Λ Uᵀ (ascending eigenvalues) and H an orthonormal Hadamard matrix:
//
//   none             I, μ = 0
//   global           I / σ_g, one mean and one deviation over all positions and channels
//   standardise      diag(1 / σ_c)
//   pca-whiten       Λ^-½ Uᵀ
//   zca              U Λ^-½ Uᵀ
//   hadamard-whiten  H Λ^-½ Uᵀ                          (HCA)
//   phi-s            H Uᵀ / φ, φ = sqrt(mean Λ)         one rotation and one scale; every channel gets
//   variance 1
//
// Signs are fixed as published, so that two fits agree: rows of H and of Uᵀ with a negative diagonal entry
// are negated. Eigenvectors of equal eigenvalues stay arbitrary, and a refit on other data turns them: fit
// once and freeze.
//
//   VITRINE_TRY(const Normalizer normalizer, Normalizer::fit(NormalizerKind::PhiS, statistics));
//   const at::Tensor target = normalizer.normalizeMaps(features);
#pragma once

#include "core/distill/hadamard.h"
#include "core/distill/moment_statistics.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

enum class NormalizerKind { None, Global, Standardise, PcaWhiten, Zca, HadamardWhiten, PhiS };

const std::vector<NormalizerKind>& allNormalizerKinds();
// "none", "global", "standardise", "pca-whiten", "zca", "hadamard-whiten", "phi-s".
const char* normalizerName(NormalizerKind kind);
// InvalidArgument with the nearest name.
Result<NormalizerKind> normalizerFromName(const std::string& name);

// How the signs of eigenvectors and of H are chosen; any choice is as good, but it must be the same one
// everywhere.
enum class SignRule {
    Diagonal,          // as published: no negative entry on the diagonals of Uᵀ and H
    LargestComponent,  // the largest entry of each eigenvector is positive, H as constructed
};

struct NormalizerOptions {
    // Variances and eigenvalues below this share of the largest are raised to it before they are divided by
    // (whitening, standardise; PHI-S divides by none of them). Float64 moments: 1e-10; float32 products:
    // 1e-7.
    double smallestEigenvalue = 1e-10;
    SignRule signs = SignRule::Diagonal;
    uint64_t seed = 0;  // of the random rotation where no Hadamard matrix of the order exists

    Result<void> validate() const;
};

// What a fit met with, for people to see before they trust it.
struct NormalizerReport {
    int64_t sampleCount = 0;
    int64_t numericalRank =
        0;  // eigenvalues (standardise: variances) above the floor; 0 where none are looked at
    int64_t raisedDirections = 0;  // eigenvalues (standardise: channels) that were raised to the floor
    double floor = 0;              // the value they were raised to, a variance; 0 if none was
    std::vector<int64_t> constantChannels;  // variance 0
    bool fewerSamplesThanChannels = false;  // the covariance cannot have full rank
    std::string rotation;  // "Sylvester(64) x Paley I(20)"; empty where there is no Hadamard matrix
    bool approximateRotation = false;  // a random rotation stands in: channel variances are only nearly equal

    // One sentence for each thing that is not as it should be; empty if all is well.
    std::vector<std::string> remarks() const;
};

struct FoldedLinear {
    at::Tensor weight;  // (C · u², in)
    at::Tensor bias;    // (C · u²)
};

class Normalizer {
  public:
    Normalizer() = default;  // none, of no width: gives back what it gets

    // Errors: InvalidArgument for fewer than two vectors, values that are not finite, or features that are
    // all equal (there is nothing to scale), ShapeMismatch for a covariance that is not (C, C).
    static Result<Normalizer> fit(NormalizerKind kind, const MomentStatistics& statistics,
                                  const NormalizerOptions& options = {});
    // From mean (C) and covariance (C, C) alone. For Global the deviation over all values is sqrt(mean
    // variance + variance of the means).
    static Result<Normalizer> fit(NormalizerKind kind, const at::Tensor& mean, const at::Tensor& covariance,
                                  int64_t sampleCount, const NormalizerOptions& options = {});

    NormalizerKind kind() const { return kind_; }
    int64_t channels() const { return mean_.defined() ? mean_.size(0) : 0; }  // 0: any
    const NormalizerReport& report() const { return report_; }
    at::Tensor mean() const { return mean_; }  // (C) float64; undefined for none
    // The one scale 1/σ_g or 1/φ of the isotropic kinds, 1 for the others.
    double alpha() const { return alpha_; }
    bool isIsotropic() const;    // distances are only rescaled (none, global, phi-s)
    at::Tensor matrix() const;   // W, (C, C) float64
    at::Tensor inverse() const;  // Θ = W⁻¹, (C, C) float64

    // x (..., C) -> the same shape; maps (B, C, h, w) -> the same shape. Computed in x's type if that is
    // float32 or float64, else in float32; on its device. Differentiable.
    at::Tensor normalize(const at::Tensor& x) const;
    at::Tensor denormalize(const at::Tensor& x) const;
    at::Tensor normalizeMaps(const at::Tensor& maps) const;
    at::Tensor denormalizeMaps(const at::Tensor& maps) const;
    // A copy that is ready for features of this device and type: applying it converts nothing. A fresh one is
    // ready for float32 on the CPU.
    Normalizer readyFor(at::Device device, at::ScalarType type = at::kFloat) const;
    // What an error made in normalised space is in the teacher's own: Θ ε. errors (..., C).
    at::Tensor errorInTeacherSpace(const at::Tensor& errors) const;

    // Variance of each channel after normalisation for features of this covariance: diag(W Σ Wᵀ), (C)
    // float64.
    at::Tensor expectedVariances(const at::Tensor& covariance) const;

    // The inverse put into the Linear that predicts normalised features, so that it predicts the teacher's
    // own: weight V -> Θ V, bias b -> Θ b + μ. A head that enlarges its map by u emits u² groups of C values,
    // ordered (row, column, channel): each group is treated alike. weight (u² C, in), bias (u² C) or
    // undefined (then b = 0); computed in float64, returned in the weight's type. ShapeMismatch names the
    // sizes.
    Result<FoldedLinear> foldInto(const at::Tensor& weight, const at::Tensor& bias,
                                  int64_t upsampleFactor = 1) const;

    // Named tensors "mean" [C], "alpha" [], "rotation" [C, C] and "inv_rotation" [C, C] with
    //   y' = alpha · rotation (y - mean),   y = inv_rotation y' / alpha + mean
    // for every kind (FeatSharp's names; for whitening `rotation` is W itself and alpha 1), plus "kind" and
    // "count". Kinds without a rotation have "scale" [C] instead of the two matrices, or neither.
    std::map<std::string, at::Tensor> state() const;
    // Reads them, with or without "kind": FeatSharp's files (phi-s if the rotation is orthogonal, else taken
    // as whitening) and RADIO's feature_normalizer {mean, tx}. InvalidFile names the tensor; a wrong inverse
    // is refused.
    static Result<Normalizer> fromState(const std::map<std::string, at::Tensor>& state);
    // One safetensors file, names with the prefix "normalizer."; the report in its metadata. `load` takes a
    // file that holds more (a FeatSharp checkpoint): the prefix may be preceded by others.
    Result<void> save(const std::filesystem::path& file) const;
    static Result<Normalizer> load(const std::filesystem::path& file);

  private:
    friend class NormalizerFit;
    friend struct NormalizerState;
    // μ, W and Θ of one device and type; W and Θ are (C, C), (C) or scalar.
    struct Applied {
        at::Tensor mean, forward, inverse;
    };
    Applied appliedFor(const at::TensorOptions& options) const;
    at::Tensor apply(const at::Tensor& x, bool forward, bool withMean, bool maps) const;

    NormalizerKind kind_ = NormalizerKind::None;
    at::Tensor mean_;
    double alpha_ = 1;
    at::Tensor scale_;                       // (C): W = diag(scale), standardise only
    at::Tensor rotation_, inverseRotation_;  // (C, C): W = alpha rotation
    NormalizerReport report_;
    Applied ready_;
};

}  // namespace vitrine
