// Histograms of the values of many channels over a stream, with a range that need not be known beforehand.
//
// Automatic range: channel c has equal bins over [-2^e, 2^e), with the smallest exponent e that holds all of
// its values so far. Growing by one exponent joins pairs of bins, so that the counts are those of a second
// pass with the final range, whatever the order of the stream, and histograms of several processes can be
// joined exactly. (A channel whose spread is small against its mean therefore falls into few bins; give a
// range for such data.)
#pragma once

#include "core/base/result.h"
#include "core/features/statistics.h"

#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine {

class ValueHistograms {
  public:
    // bins: an even number. With `range` every channel has bins over it and values outside are counted apart.
    explicit ValueHistograms(int64_t bins = 256, std::optional<std::pair<double, double>> range = {})
        : bins_(bins), range_(range) {}
    ValueHistograms(const ValueHistograms& other);  // a copy shares nothing
    ValueHistograms& operator=(const ValueHistograms& other) { return *this = ValueHistograms(other); }
    ValueHistograms(ValueHistograms&&) = default;
    ValueHistograms& operator=(ValueHistograms&&) = default;

    // rows (N, C) finite, float32 or float64, any device; `low`, `high` (C): their extremes, known already.
    void add(const at::Tensor& rows, const at::Tensor& low, const at::Tensor& high);
    // InvalidArgument for another number of bins or another range, ShapeMismatch for other channels.
    Result<void> merge(const ValueHistograms& other);

    const std::optional<std::pair<double, double>>& range() const { return range_; }
    int64_t channels() const { return counts_.defined() ? counts_.size(0) : 0; }
    ChannelHistogram channel(int64_t index) const;
    // Of all channels together, in the widest of their ranges.
    ChannelHistogram all() const;

    std::map<std::string, at::Tensor> state() const;
    static Result<ValueHistograms> fromState(const std::map<std::string, at::Tensor>& state);

  private:
    void start(int64_t channels);
    void growTo(int64_t channel, int exponent);
    std::vector<int64_t> widened(int64_t channel, int exponent) const;
    double lowOf(int64_t channel) const;
    double highOf(int64_t channel) const;
    void count(const at::Tensor& rows);

    int64_t bins_;
    std::optional<std::pair<double, double>> range_;
    std::vector<int> exponents_;  // automatic range only
    at::Tensor counts_;           // (C, bins) int64
    at::Tensor below_, above_;    // (C) int64
};

}  // namespace vitrine
