// Principal components of features and their colours. A basis is fitted once and may then be locked: saved,
// shared across pictures, layers, models and runs, so that equal colours mean equal directions.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <array>
#include <filesystem>
#include <optional>

namespace vitrine {

// Components are unit vectors, by falling explained variance. Published: never written again.
struct PcaBasis {
    at::Tensor mean;               // (C) float32
    at::Tensor components;         // (K, C) float32, orthonormal rows
    at::Tensor explainedVariance;  // (K) float64: variance of each projection, population form (divided by n)
    double totalVariance = 0;      // sum over all channels
    at::Tensor low, high;  // (K) float32: display range, percentiles of the projections it was fitted on
    int64_t sampleCount = 0;
    std::string note;  // what it was fitted on, for people

    int64_t channels() const { return mean.size(0); }
    int64_t count() const { return components.size(0); }
};

struct PcaOptions {
    int64_t components = 9;      // kept; at most min(samples, channels)
    double lowPercentile = 1;    // display range
    double highPercentile = 99;  // display range

    Result<void> validate() const;
};

// tokens (N, C), any floating type. Exact: eigenvectors of the float64 covariance (C <= N) or of the Gram
// matrix (N < C). Signs are fixed: the component of largest size is positive. Errors: no or one token, NaN.
Result<PcaBasis> fitPca(const at::Tensor& tokens, const PcaOptions& options = {});

// tokens or features of any shape with C first: (C, ...) -> (K', ...) float32, K' components from `first` on.
// ShapeMismatch says which side has how many channels.
Result<at::Tensor> projectOnBasis(const PcaBasis& basis, const at::Tensor& features, int64_t first = 0,
                                  int64_t count = 3);

// Signs of `basis` turned so that each component points along the same direction of `reference` (largest
// absolute cosine first); same space only.
Result<PcaBasis> alignSigns(PcaBasis basis, const PcaBasis& reference);

// For bases of different spaces (layers, models): components are permuted and signed so that projections of
// shared samples correlate best with those of `reference`. tokens (N, C) and referenceTokens (N, C') are of
// the same N places. Pairs are chosen greedily by absolute correlation.
Result<PcaBasis> alignByShared(const PcaBasis& basis, const at::Tensor& tokens, const PcaBasis& reference,
                               const at::Tensor& referenceTokens);

// (3, H, W) projections -> (H, W, 3) uint8: range low..high of components first..first+2 to 0..255, clipped.
// Fewer than three rows repeat the last.
at::Tensor pcaColors(const at::Tensor& projections, const at::Tensor& low, const at::Tensor& high);
at::Tensor pcaColors(const PcaBasis& basis, const at::Tensor& projections, int64_t first = 0);

// One safetensors file; the scalar fields are in its metadata as JSON.
Result<void> savePcaBasis(const PcaBasis& basis, const std::filesystem::path& file);
Result<PcaBasis> loadPcaBasis(const std::filesystem::path& file);

// Value below which `percent` of all values lie, for each row of (K, N).
at::Tensor rowPercentile(const at::Tensor& rows, double percent);

}  // namespace vitrine
