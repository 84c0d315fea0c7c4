// Ranges of scalar values for colour scales: extremes and percentiles of an image's samples.
#pragma once

#include "core/media/image.h"

#include <span>

namespace vitrine {

struct ValueRange {
    double low = 0;
    double high = 1;
    bool operator==(const ValueRange&) const = default;
};

// Range from the `clipPercent`-th to the (100 - clipPercent)-th percentile, with NaN and infinities left out.
// Linear interpolation between order statistics. Empty input gives [0, 1]; equal values give [v, v].
ValueRange percentileRange(std::span<const float> values, double clipPercent);

// The same over all samples of an image; at most about a million of them, evenly spread, are looked at.
ValueRange percentileRange(const Image& image, double clipPercent);

}  // namespace vitrine
