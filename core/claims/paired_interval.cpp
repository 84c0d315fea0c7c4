#include "core/claims/paired_interval.h"

#include "core/base/check.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace vitrine {

double studentQuantile(int64_t degreesOfFreedom) {
    constexpr double level = 0.95, z = 1.959963984540054;  // the normal distribution's
    const auto v = double(degreesOfFreedom);
    if (degreesOfFreedom == 1)
        return std::tan(std::numbers::pi * level / 2);
    if (degreesOfFreedom == 2)
        return level * std::sqrt(2 / (1 - level * level));
    // Abramowitz and Stegun 26.7.5.
    const double z2 = z * z;
    const double terms[] = {z * (z2 + 1) / 4, z * ((5 * z2 + 16) * z2 + 3) / 96,
                            z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
                            z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160};
    double quantile = z, power = 1;
    for (const double term : terms)
        quantile += term / (power *= v);
    return quantile;
}

PairedInterval pairedInterval(const std::vector<double>& first, const std::vector<double>& second) {
    VITRINE_CHECK(first.size() == second.size(), "a pair for every seed");
    const auto count = double(first.size());
    double sum = 0, squares = 0;
    for (size_t seed = 0; seed < first.size(); ++seed)
        sum += second[seed] - first[seed];
    PairedInterval interval{.mean = sum / count};
    for (size_t seed = 0; seed < first.size(); ++seed)
        squares += std::pow(second[seed] - first[seed] - interval.mean, 2);
    const double half = first.size() < 2 ? std::numeric_limits<double>::infinity()
                                         : studentQuantile(int64_t(first.size()) - 1) *
                                               std::sqrt(squares / (count - 1) / count);
    interval.low = interval.mean - half;
    interval.high = interval.mean + half;
    return interval;
}

std::string PairedInterval::text() const {
    if (!std::isfinite(low) || !std::isfinite(high))
        return "no interval from one seed";
    return fmt::format("95 % interval {:.4f} to {:.4f}", low, high);
}

}  // namespace vitrine
