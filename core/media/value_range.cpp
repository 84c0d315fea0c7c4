#include "core/media/value_range.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

namespace vitrine {
namespace {

constexpr size_t kMaxSamples = size_t(1) << 17;

// Ascending, by three passes over eleven bits each: a hundred thousand values take a tenth of std::sort's
// time, which was most of what a probe cost. No NaN.
void sortFloats(std::vector<float>& values) {
    constexpr size_t kFewValues = 4096;
    if (values.size() < kFewValues)
        return std::sort(values.begin(), values.end());
    constexpr int kPasses = 3, kBits = 11;
    constexpr uint32_t kBuckets = 1u << kBits, kSign = 0x80000000u;
    // The bits of a float as an unsigned number of the same order.
    std::vector<uint32_t> keys(values.size()), other(values.size());
    std::array<std::array<uint32_t, kBuckets>, kPasses> counts{};
    for (size_t index = 0; index < values.size(); ++index) {
        const uint32_t bits = std::bit_cast<uint32_t>(values[index]);
        const uint32_t key = bits & kSign ? ~bits : bits | kSign;
        keys[index] = key;
        for (int pass = 0; pass < kPasses; ++pass)
            ++counts[size_t(pass)][key >> (pass * kBits) & (kBuckets - 1)];
    }
    for (int pass = 0; pass < kPasses; ++pass) {
        uint32_t before = 0;
        for (uint32_t& count : counts[size_t(pass)])
            before += std::exchange(count, before);
        for (const uint32_t key : keys)
            other[counts[size_t(pass)][key >> (pass * kBits) & (kBuckets - 1)]++] = key;
        std::swap(keys, other);
    }
    for (size_t index = 0; index < values.size(); ++index)
        values[index] = std::bit_cast<float>(keys[index] & kSign ? keys[index] & ~kSign : ~keys[index]);
}

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
    sortFloats(sorted_);
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
