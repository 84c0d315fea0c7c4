#include "widgets/base/value_range.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vitrine {
namespace {

constexpr int64_t kMaxSamples = 1 << 20;

double orderStatistic(std::vector<float>& values, double share) {
    const double position = share * double(values.size() - 1);
    const size_t lower = size_t(position);
    std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(lower), values.end());
    const double low = values[lower];
    if (lower + 1 >= values.size())
        return low;
    const double high = *std::min_element(values.begin() + std::ptrdiff_t(lower) + 1, values.end());
    return low + (high - low) * (position - double(lower));
}

}  // namespace

ValueRange percentileRange(std::span<const float> values, double clipPercent) {
    std::vector<float> finite;
    finite.reserve(values.size());
    std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
                 [](float value) { return std::isfinite(value); });
    if (finite.empty())
        return {};
    const double clip = std::clamp(clipPercent, 0.0, 49.9) / 100.0;
    return {orderStatistic(finite, clip), orderStatistic(finite, 1.0 - clip)};
}

ValueRange percentileRange(const Image& image, double clipPercent) {
    const int64_t pixels = image.width() * image.height();
    if (pixels == 0)
        return {};
    const int64_t step = std::max<int64_t>(1, pixels * image.channels() / kMaxSamples);
    std::vector<float> samples;
    samples.reserve(size_t(pixels / step + 1) * size_t(image.channels()));
    for (int64_t pixel = 0; pixel < pixels; pixel += step)
        for (int channel = 0; channel < image.channels(); ++channel)
            samples.push_back(float(image.value(pixel % image.width(), pixel / image.width(), channel)));
    return percentileRange(samples, clipPercent);
}

}  // namespace vitrine
