#include "core/claims/ckca_claim.h"
#include "core/claims/iee_claim.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

// What does not depend on how long is trained: densities, costs, and that every value of the rule is there.
TEST(IeeClaim, MeasuresEveryArmAtItsDensity) {
    JobContext job;
    const ClaimExperiment claim = ieeClaim();
    const auto measured = claim.measure({.seed = 1, .scale = 0.03, .job = &job});
    ASSERT_TRUE(measured) << measured.error().text();
    ASSERT_EQ(measured->arms.size(), 9u);
    for (const auto& [arm, metrics] : measured->arms) {
        EXPECT_NEAR(metrics.at("density"), 0.05, 0.002) << arm;
        EXPECT_GT(metrics.at("accuracy"), 0.02) << arm;
    }
    // Exploration costs dense forward passes, dense-to-sparse training still more.
    const auto cost = [&](const char* arm) { return measured->arms.at(arm).at("cost (dense runs)"); };
    EXPECT_GT(cost("IEE"), cost("RigL"));
    EXPECT_GT(cost("gradual magnitude"), cost("IEE"));
    EXPECT_LT(cost("static"), 0.12);
    const auto checks = claim.judge(ClaimTable({*measured}));
    ASSERT_EQ(checks.size(), 7u);
    for (size_t index = 0; index + 1 < checks.size(); ++index)
        EXPECT_TRUE(std::isfinite(checks[index].measured)) << checks[index].rule;
}

TEST(CkcaClaim, MeasuresEveryArm) {
    JobContext job;
    const ClaimExperiment claim = ckcaClaim();
    const auto measured = claim.measure({.seed = 1, .scale = 0.05, .job = &job});
    ASSERT_TRUE(measured) << measured.error().text();
    ASSERT_EQ(measured->arms.size(), 10u);
    EXPECT_GT(measured->arms.at("cold, all chunks").at("steps"), 4 * measured->arms.at("CKCA").at("steps"));
    for (const ClaimCheck& check : claim.judge(ClaimTable({*measured})))
        EXPECT_TRUE(std::isfinite(check.measured)) << check.rule;
}

}  // namespace
}  // namespace vitrine
