// Short versions of C-RADIOv4's experiments: the mechanism must show.
#include "core/claims/c_radio_v4_experiments.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

ClaimTable measuredShort(const ClaimExperiment& experiment, double scale) {
    JobContext job;
    ClaimRequest request;
    request.scale = scale;
    request.job = &job;
    const auto measured = experiment.measure(request);
    EXPECT_TRUE(measured) << measured.error().text();
    return ClaimTable({measured.value_or(ClaimMeasurement{})});
}

TEST(CRadioV4Claim, EveryNumberOfTheRuleIsThere) {
    const ClaimExperiment claim = cRadioV4Claim();
    for (const ClaimCheck& check : claim.judge(measuredShort(claim, 0.01)))
        EXPECT_FALSE(std::isnan(check.measured)) << check.rule;
}

TEST(ShiftExperiment, ShiftedCropsLearnLessOfTheFixedPattern) {
    const ClaimTable table = measuredShort(shiftExperiment(), 0.15);
    const char* const share = "share of the fixed pattern learned";
    EXPECT_LT(table.mean("shifted", share), 0.8 * table.mean("aligned", share));
    EXPECT_LT(table.mean("aligned", "error to the noisy teacher"),
              table.mean("shifted", "error to the noisy teacher"));
}

TEST(BalanceExperiment, TheAngleLossMakesTheWideConePullLess) {
    const ClaimTable table = measuredShort(balanceExperiment(), 0.1);
    const char* const pull = "gradient in the trunk, wide over narrow cone";
    EXPECT_GT(table.mean("balance: cosine", pull), 1.3 * table.mean("balance: L_angle", pull));
}

TEST(ResolutionExperiment, FidelityAtEverySizeAndTheSameTwice) {
    const ClaimTable table = measuredShort(resolutionExperiment(), 0.02);
    for (const char* arm : {"resolutions: two fixed", "resolutions: stochastic"})
        for (int64_t side = 32; side <= 160; side += 8)
            EXPECT_GT(table.mean(arm, fmt::format("fidelity at {:3} px", side)), 0) << arm << side;
    const ClaimTable again = measuredShort(resolutionExperiment(), 0.02);
    EXPECT_EQ(again.csv(), table.csv());
}

// That windows cost less of a large picture is the claim's to judge: times differ with the machine's load.
TEST(WindowExperiment, FidelityInEveryWindowAndATimeBesideTheGlobalOne) {
    const ClaimTable table = measuredShort(windowExperiment(), 0.02);
    EXPECT_GT(table.mean("windows: random ones", "largest time in a window over global at 384 px"), 0);
    for (const int64_t window : {3, 4, 6})
        EXPECT_GT(table.mean("windows: global alone", fmt::format("fidelity in windows of {}", window)), 0);
}

}  // namespace
}  // namespace vitrine
