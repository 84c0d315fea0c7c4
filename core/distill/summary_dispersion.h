// Cones of summary tokens: their axis and how far they spread around it (C-RADIOv4, balanced summary loss).
//   μ = E[y] / |E[y]|,   Disp = E[Θ(y, μ)²]   (radians²)
// A teacher's angle loss is divided by Disp, so that teachers with wide cones do not drown those with narrow
// ones: the constant prediction μ then has expected loss exactly 1 for each of them.
#pragma once

#include "core/base/result.h"
#include "core/features/statistics.h"

#include <ATen/ATen.h>

namespace vitrine {

struct SummaryCone {
    at::Tensor axis;        // μ, (S) float64, unit length
    double dispersion = 0;  // radians², in (0, π²]
    // |E[y]| / E[|y|], 1 for a ray, near 0 where summaries point everywhere: the axis of such a cone is
    // uncertain (about 1 / √count) and needs many samples.
    double concentration = 0;
    int64_t count = 0;        // summaries that the axis is the mean of
    int64_t sampleCount = 0;  // summaries that the dispersion is the mean over

    bool exact() const { return sampleCount == count; }
};

// summaries (N, S), computed in float64. InvalidArgument where there are fewer than two, values that are not
// finite, a zero vector, or a mean of zero; and where all point in one direction (dispersion 0: the loss
// would divide by it).
Result<SummaryCone> fitSummaryCone(const at::Tensor& summaries);

// The same over a stream. The axis is the mean of all summaries; the dispersion needs the finished axis, so
// that it is the mean over a kept sample: over all of them up to `sampleLimit`, over a uniform sample beyond
// (relative error about 1 / √sampleLimit). Streams of several processes can be joined.
class SummaryConeEstimator {
  public:
    // `stream`: number of the process; streams that are joined need different ones.
    explicit SummaryConeEstimator(int64_t sampleLimit = 16384, uint64_t stream = 0)
        : sample_(sampleLimit, stream) {}

    // summaries (N, S). Errors: ShapeMismatch, InvalidArgument for values that are not finite and for zero
    // vectors.
    Result<void> add(const at::Tensor& summaries);
    Result<void> merge(const SummaryConeEstimator& other);
    int64_t count() const { return sample_.seen(); }
    Result<SummaryCone> cone() const;

    std::map<std::string, at::Tensor> state() const;
    static Result<SummaryConeEstimator> fromState(const std::map<std::string, at::Tensor>& state);

  private:
    at::Tensor sum_;  // (S) float64
    double lengths_ = 0;
    TokenReservoir sample_;
};

// Angles (N) in radians between summaries (N, S) and the axis, float64: the histogram of a cone.
at::Tensor anglesToAxis(const at::Tensor& summaries, const at::Tensor& axis);

}  // namespace vitrine
