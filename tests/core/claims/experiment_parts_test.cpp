// What several experiments share: joining them to one claim, and the measure of a fixed pattern.
#include "core/claims/fixed_pattern.h"
#include "core/claims/joined_experiments.h"
#include "core/distill/random_stream.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace vitrine {
namespace {

// Measures one number as an arm of one's own and asks it to be at least 1.
ClaimExperiment experimentOf(const std::string& arm, double value) {
    return {[=](const ClaimRequest&) -> Result<ClaimMeasurement> {
                return ClaimMeasurement{0, {{arm, {{"value", value}}}}};
            },
            [=](const ClaimTable& table) {
                return std::vector<ClaimCheck>{atLeast(arm, table.mean(arm, "value"), 1)};
            }};
}

TEST(JoinedExperiments, ArmsOfAllAndRulesInOrder) {
    const ClaimExperiment joined = joinedExperiments({experimentOf("b", 2), experimentOf("a", 0.5)});
    const auto measured = joined.measure({});
    ASSERT_TRUE(measured);
    ASSERT_EQ(measured->arms.size(), 2u);
    EXPECT_EQ(measured->arms.at("a").at("value"), 0.5);
    const std::vector<ClaimCheck> checks = joined.judge(ClaimTable({*measured}));
    ASSERT_EQ(checks.size(), 2u);
    EXPECT_EQ(checks[0].rule, "b");
    EXPECT_TRUE(checks[0].holds());
    EXPECT_EQ(checks[1].rule, "a");
    EXPECT_FALSE(checks[1].holds());
}

TEST(JoinedExperiments, TheFirstErrorEndsTheMeasurement) {
    const ClaimExperiment broken{[](const ClaimRequest&) -> Result<ClaimMeasurement> {
                                     return fail(ErrorCode::Cancelled, "stopped", {});
                                 },
                                 [](const ClaimTable&) { return std::vector<ClaimCheck>(); }};
    const auto measured = joinedExperiments({experimentOf("a", 1), broken}).measure({});
    ASSERT_FALSE(measured);
    EXPECT_EQ(measured.error().code, ErrorCode::Cancelled);
}

TEST(JoinedExperiments, ArmsOfOneNameAreAMistake) {
    const ClaimExperiment joined = joinedExperiments({experimentOf("a", 1), experimentOf("a", 2)});
    EXPECT_THROW((void)joined.measure({}), std::exception);
}

TEST(FixedPattern, ShareCountsWhatIsFixedAndNothingElse) {
    const at::Generator random = randomStream(0, 0, "fixed pattern test");
    const auto normal = [&](at::IntArrayRef shape) { return at::randn(shape, random, at::TensorOptions()); };
    const at::Tensor planted = normal({1, 3, 4, 4}), noise = normal({8, 3, 4, 4});
    EXPECT_NEAR(shareOfFixedPattern(planted.expand({8, 3, 4, 4}), planted), 1, 1e-5);
    // Half of the pattern, an offset that is the same everywhere, and noise that cancels over the pictures.
    const at::Tensor half = 0.5 * planted + 3;
    EXPECT_NEAR(shareOfFixedPattern(at::cat({half + noise, half - noise}), planted), 0.25, 1e-5);
}

TEST(FixedPattern, GridsMayDiffer) {
    const at::Tensor coarse =
        at::randn({1, 3, 4, 4}, randomStream(0, 1, "fixed pattern test"), at::TensorOptions());
    EXPECT_NEAR(shareOfFixedPattern(coarse, coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)), 1, 1e-5);
}

}  // namespace
}  // namespace vitrine
