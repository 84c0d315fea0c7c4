// What a difference that was measured on several seeds says of its mean over all seeds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine {

struct PairedInterval {
    double mean = 0;
    double low = 0, high = 0;  // Student's 95 % interval of the mean; both infinite for fewer than two values

    std::string text() const;  // "95 % interval -0.004 to 0.016", "no interval from one seed"
};

// Of second - first, seed by seed. Values of equal number.
PairedInterval pairedInterval(const std::vector<double>& first, const std::vector<double>& second);

// 97.5 % quantile of Student's distribution: exact for one and two degrees of freedom, to 0.2 % for more.
double studentQuantile(int64_t degreesOfFreedom);

}  // namespace vitrine
