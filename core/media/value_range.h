// Ranges of scalar values for colour scales: extremes and percentiles of an image's samples.
#pragma once

#include "core/media/image.h"

#include <span>
#include <vector>

namespace vitrine {

struct ValueRange {
    double low = 0;
    double high = 1;
    bool operator==(const ValueRange&) const = default;
};

// A sorted sample of values, from which the range of any percentile follows at once: made where the values
// are made, asked by the interface thread. At most 131,072 values are kept, evenly spread;
// NaN and infinities are left out.
class ValueDistribution {
  public:
    ValueDistribution() = default;
    explicit ValueDistribution(std::span<const float> values);
    // All channels.
    explicit ValueDistribution(const Image& image);

    bool empty() const { return sorted_.empty(); }
    // From the `clipPercent`-th to the (100 - clipPercent)-th percentile; linear interpolation between order
    // statistics. Without values [0, 1]; of equal values [v, v].
    ValueRange range(double clipPercent) const;

  private:
    void sort();

    std::vector<float> sorted_;
};

}  // namespace vitrine
