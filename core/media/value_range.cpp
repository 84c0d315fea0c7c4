#include "core/media/value_range.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kMaxSamples = size_t(1) << 18;

}  // namespace

ValueDistribution::ValueDistribution(std::span<const float> values) {
    // Rounded up, so that never more are kept.
    const size_t step = std::max<size_t>(1, (values.size() + kMaxSamples - 1) / kMaxSamples);
    sorted_.reserve(values.size() / step + 1);
    for (size_t index = 0; index < values.size(); index += step)
        if (std::isfinite(values[index]))
            sorted_.push_back(values[index]);
    sort();
}

ValueDistribution::ValueDistribution(const Image& image) {
    const int64_t pixels = image.width() * image.height(), channels = image.channels();
    const int64_t limit = int64_t(kMaxSamples);
    const int64_t step = std::max<int64_t>(1, (pixels * channels + limit - 1) / limit);
    sorted_.reserve(size_t(pixels / step + 1) * size_t(channels));
    for (int64_t pixel = 0; pixel < pixels; pixel += step)
        for (int channel = 0; channel < channels; ++channel)
            if (const float value = float(image.value(pixel % image.width(), pixel / image.width(), channel));
                std::isfinite(value))
                sorted_.push_back(value);
    sort();
}

void ValueDistribution::sort() {
    std::sort(sorted_.begin(), sorted_.end());
}

ValueRange ValueDistribution::range(double clipPercent) const {
    if (sorted_.empty())
        return {};
    const auto at = [this](double share) {
        const double position = share * double(sorted_.size() - 1);
        const size_t lower = size_t(position), upper = std::min(lower + 1, sorted_.size() - 1);
        const double low = sorted_[lower];
        return low + (double(sorted_[upper]) - low) * (position - double(lower));
    };
    const double clip = std::clamp(clipPercent, 0.0, 49.9) / 100.0;
    return {at(clip), at(1.0 - clip)};
}

}  // namespace vitrine
