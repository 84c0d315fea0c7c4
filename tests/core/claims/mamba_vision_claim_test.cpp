#include "core/claims/mamba_vision_claim.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

// The reach holds exactly, whatever the training; two hundredths of the steps show that the lookup runs.
TEST(MambaVisionClaim, MixersReachOneTokenAheadEachAndAttentionReachesAll) {
    JobContext job;
    const ClaimExperiment claim = mambaVisionClaim();
    const auto measured = claim.measure({.seed = 5, .scale = 0.02, .job = &job});
    ASSERT_TRUE(measured) << measured.error().text();
    const auto checks = claim.judge(ClaimTable({*measured}));
    ASSERT_EQ(checks.size(), 14u);
    for (size_t index = 0; index < 7; ++index)
        EXPECT_TRUE(checks[index].holds()) << checks[index].rule << ": " << checks[index].measured;
    const auto& arms = measured->arms;
    // The limits are tight: one mixer fewer, and the token that two mixers see would be out of reach.
    EXPECT_GT(arms.at("reach MM").at("smallest influence within reach"), 1e-12);
    EXPECT_EQ(arms.at("reach MMM").at("smallest influence of all"), 0);
    for (const char* pattern : {"lookup MMSS", "lookup SSMM", "lookup MMMM"}) {
        EXPECT_GT(arms.at(pattern).at("accuracy"), 0.1);
        EXPECT_NEAR(arms.at(pattern).at("thousand parameters"),
                    arms.at("lookup MMSS").at("thousand parameters"), 0.5);
    }
}

}  // namespace
}  // namespace vitrine
