// A short version of FeatSharp's experiment: the mechanism shows, and every number that the rule reads is
// there.
#include "core/claims/claim_experiments.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

TEST(FeatSharpClaim, TheBufferFindsTheNoiseAndEveryNumberIsThere) {
    JobContext job;
    ClaimRequest request;
    request.scale = 0.1;
    request.job = &job;
    const auto measured = claimExperiment("featsharp")->measure(request);
    ASSERT_TRUE(measured) << measured.error().text();
    const ClaimTable table({*measured});
    for (const ClaimCheck& check : claimExperiment("featsharp")->judge(table))
        EXPECT_FALSE(std::isnan(check.measured)) << check.rule;
    EXPECT_GT(table.mean("FeatSharp", "correlation of b with the noise planted, negated"), 0.6);
    EXPECT_GT(table.mean("JBU + de-bias", "fidelity"), table.mean("JBU", "fidelity"));
}

TEST(FeatSharpClaim, MeasuresTheSameTwice) {
    JobContext job;
    ClaimRequest request;
    request.scale = 0.01;
    request.job = &job;
    const auto once = claimExperiment("featsharp")->measure(request);
    const auto twice = claimExperiment("featsharp")->measure(request);
    ASSERT_TRUE(once && twice);
    EXPECT_EQ(once->toJson(), twice->toJson());
}

}  // namespace
}  // namespace vitrine
