// Streaming statistics of a teacher's features (PHI-S, Ranzinger et al. 2024, section on estimating the
// statistics): mean, covariance, higher moments, extremes, histograms and norms, in one pass and without
// holding the features.
//
//   FeatureMoments moments;
//   VITRINE_TRY_VOID(moments.addMaps(output.features));          // (B, C, h, w), again and again
//   VITRINE_TRY(const MomentStatistics statistics, moments.statistics());
//
// Vectors gather in chunks of `chunkRows`; each finished chunk is centred at its own mean, its scatter is one
// matrix product, and chunk results are joined in float64 by the pairwise update
//   M2 += M2_chunk + δ δᵀ k (n - k) / n           (n: vectors after adding k; Chan, Golub, LeVeque 1979)
// so that neither order nor a large mean costs digits. Since chunks are cut by number of vectors, the result
// does not depend on how the stream came in batches, and one that is saved and loaded goes on to the same
// bits.
//
// Precision. Float32 products of centred values with float64 joining: the tests hold a covariance entry to an
// error of 5e-7 √(Σii Σjj), and φ to 1e-7 relative (float64 products of the same float32 features: 1e-12).
// Eigenvalues below about 1e-7 of the largest may therefore be rounding: use Float64 where the spectrum's
// tail matters (whitening); its products are float64. Features in float64 are reduced to float32 in Float32
// mode.
#pragma once

#include "core/base/result.h"
#include "core/distill/channel_sums.h"
#include "core/distill/moment_statistics.h"
#include "core/distill/value_histograms.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace vitrine {

enum class MomentPrecision { Float32, Float64 };

struct MomentOptions {
    int64_t chunkRows = 1024;  // feature vectors in a chunk
    MomentPrecision precision = MomentPrecision::Float32;
    int64_t histogramBins = 256;  // per channel and of the norms, even; 0: no histograms
    // Of the values' histograms; absent: automatic (value_histograms.h).
    std::optional<std::pair<double, double>> histogramRange{};

    Result<void> validate() const;
};

class FeatureMoments {
  public:
    explicit FeatureMoments(MomentOptions options = {});
    FeatureMoments(const FeatureMoments& other);  // a copy shares nothing
    FeatureMoments& operator=(const FeatureMoments& other) { return *this = FeatureMoments(other); }
    FeatureMoments(FeatureMoments&&) = default;
    FeatureMoments& operator=(FeatureMoments&&) = default;

    // tokens (N, C), floating; mask (N) bool on any device, true where a vector counts (absent: all).
    // Computed on the device of the tokens. Errors leave everything as it was: ShapeMismatch for other
    // channels than before or a mask of another shape; InvalidArgument for NaN and infinities, with their
    // count and the channel that has most of them, and for values whose fourth powers have no sum (above 1e9
    // in Float32 mode).
    Result<void> add(const at::Tensor& tokens, const at::Tensor& mask = {});
    // maps (B, C, h, w), mask (B, h, w) bool.
    Result<void> addMaps(const at::Tensor& maps, const at::Tensor& mask = {});
    // Joins the moments of another stream (another process). InvalidArgument for other options.
    Result<void> merge(const FeatureMoments& other);

    const MomentOptions& options() const { return options_; }
    int64_t count() const { return sums_.count + pendingRows_; }
    int64_t channels() const { return channels_; }  // 0 before the first vector
    // InvalidArgument before the first vector. The stream can go on afterwards.
    Result<MomentStatistics> statistics() const;

    // Everything as named tensors; `fromState` refuses what does not fit together (InvalidFile names the
    // tensor).
    std::map<std::string, at::Tensor> state() const;
    static Result<FeatureMoments> fromState(const std::map<std::string, at::Tensor>& state);
    Result<void> save(const std::filesystem::path& file) const;
    static Result<FeatureMoments> load(const std::filesystem::path& file);

  private:
    Result<void> checkRows(const at::Tensor& rows, int64_t channels, int64_t channelDimension) const;
    void start(int64_t channels, at::Device device);
    void moveTo(at::Device device);
    void take(const at::Tensor& rows);
    void finishChunk();
    void addScatter(const CentredChunk& chunk);

    MomentOptions options_;
    int64_t channels_ = 0;
    at::Tensor pending_;  // (chunkRows, C): vectors that do not fill a chunk yet
    int64_t pendingRows_ = 0;
    ChannelSums sums_;
    at::Tensor scatter_;  // (C, C) float64; the upper triangle is valid
    ValueHistograms values_, norms_;
    ChannelSums normSums_;  // of one "channel": the vectors' norms
};

// Tensors of `state` whose names begin with "prefix.", without it; and the reverse.
std::map<std::string, at::Tensor> stateBelow(const std::map<std::string, at::Tensor>& state,
                                             const std::string& prefix);
void putBelow(std::map<std::string, at::Tensor>& into, const std::map<std::string, at::Tensor>& state,
              const std::string& prefix);

}  // namespace vitrine
