#include "core/claims/paired_interval.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

TEST(PairedInterval, QuantilesAreThoseOfTheTables) {
    const std::vector<std::pair<int64_t, double>> known{{1, 12.7062}, {2, 4.3027},  {3, 3.1824},
                                                        {4, 2.7764},  {7, 2.3646},  {9, 2.2622},
                                                        {30, 2.0423}, {100, 1.9840}};
    for (const auto& [freedom, quantile] : known)
        EXPECT_NEAR(studentQuantile(freedom), quantile, 0.002 * quantile) << freedom;
}

TEST(PairedInterval, OfDifferencesSeedBySeed) {
    // Differences 1, 2 and 3: mean 2, deviation 1, half an interval of 4.3027 / sqrt(3).
    const PairedInterval interval = pairedInterval({10, 20, 30}, {11, 22, 33});
    EXPECT_NEAR(interval.mean, 2, 1e-12);
    EXPECT_NEAR(interval.high - interval.mean, 4.3027 / std::sqrt(3), 1e-4);
    EXPECT_NEAR(interval.mean - interval.low, interval.high - interval.mean, 1e-12);
    EXPECT_EQ(interval.text(), "95 % interval -0.4841 to 4.4841");
    // What all seeds share is not in it.
    const PairedInterval equal = pairedInterval({0.1, 0.5}, {0.2, 0.6});
    EXPECT_NEAR(equal.high - equal.low, 0, 1e-12);
}

TEST(PairedInterval, OneSeedAndMissingValuesGiveNone) {
    const PairedInterval one = pairedInterval({1}, {3});
    EXPECT_EQ(one.mean, 2);
    EXPECT_EQ(one.text(), "no interval from one seed");
    EXPECT_TRUE(std::isnan(pairedInterval({1, 2}, {3, std::nan("")}).mean));
}

}  // namespace
}  // namespace vitrine
