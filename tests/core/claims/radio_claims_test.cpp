// Short versions of the experiments on RADIO's successors. The rules are made for whole ones: here only the
// mechanism must show, and every number that a rule reads must be there.
#include "core/claims/claim_experiments.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

Result<ClaimMeasurement> measureShort(const char* name, double scale) {
    static JobContext job;
    ClaimRequest request;
    request.scale = scale;
    request.job = &job;
    return claimExperiment(name)->measure(request);
}

void expectEveryNumber(const char* name, const ClaimMeasurement& measurement) {
    for (const ClaimCheck& check : claimExperiment(name)->judge(ClaimTable({measurement})))
        EXPECT_FALSE(std::isnan(check.measured)) << check.rule;
}

TEST(ShiftClaim, ShiftedCropsLearnLessOfTheFixedPattern) {
    const auto measured = measureShort("c-radio-v4", 0.15);
    ASSERT_TRUE(measured) << measured.error().text();
    expectEveryNumber("c-radio-v4", *measured);
    const ClaimTable table({*measured});
    const char* const share = "share of the fixed pattern learned";
    EXPECT_LT(table.mean("shifted", share), 0.8 * table.mean("aligned", share));
    EXPECT_LT(table.mean("aligned", "error to the noisy teacher"),
              table.mean("shifted", "error to the noisy teacher"));
}

TEST(ModeSwitchClaim, MeasuresBothArrangementsAndTheSameTwice) {
    const auto measured = measureShort("radio-v2.5", 0.02);
    ASSERT_TRUE(measured) << measured.error().text();
    expectEveryNumber("radio-v2.5", *measured);
    const auto again = measureShort("radio-v2.5", 0.02);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->toJson(), measured->toJson());
}

}  // namespace
}  // namespace vitrine
