// A short version: read-outs and arithmetic are checked on their own, the experiment for being whole and the
// same twice.
#include "core/claims/am_radio_claim.h"

#include "core/claims/am_radio_metrics.h"
#include "core/distill/random_stream.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

using namespace am_radio;

TEST(AmRadioMetrics, BoundariesAreRightWithinOneCell) {
    at::Tensor objects = at::zeros({1, 64, 64}, at::kLong);
    objects[0].narrow(1, 32, 32).fill_(1);  // one vertical line, in column 15 of the 32 x 32 cells
    const auto lineAt = [](int64_t column) {
        at::Tensor logits = at::full({1, 32, 32}, -1.0);
        logits[0].select(1, column).fill_(1);
        return logits;
    };
    EXPECT_DOUBLE_EQ(boundaryScore(lineAt(15), objects), 1);
    EXPECT_DOUBLE_EQ(boundaryScore(lineAt(16), objects), 1);
    EXPECT_DOUBLE_EQ(boundaryScore(lineAt(18), objects), 0);
    EXPECT_DOUBLE_EQ(boundaryScore(at::full({1, 32, 32}, -1.0), objects), 0);
    // Everything a boundary: all found, 3 of 32 columns right.
    EXPECT_NEAR(boundaryScore(at::ones({1, 32, 32}), objects), 2 * (3.0 / 32) / (1 + 3.0 / 32), 1e-12);
}

TEST(AmRadioMetrics, RidgeFindsALinearMap) {
    const at::Generator random = randomStream(3, 0, "ridge");
    const at::Tensor from = at::randn({40, 6, 8, 8}, random, at::TensorOptions());
    const at::Tensor mix = at::randn({4, 6, 1, 1}, random, at::TensorOptions());
    const auto to = [&](const at::Tensor& maps) { return at::conv2d(maps, mix) + 2; };
    const at::Tensor fresh = at::randn({5, 6, 8, 8}, random, at::TensorOptions());
    EXPECT_GT(fidelity(mappedFeatures(from, to(from), fresh), to(fresh)), 1e4);
}

TEST(AmRadioMetrics, FidelityOfTheMeanIsOne) {
    const at::Tensor teacher = at::randn({64, 5, 8, 8}, randomStream(4, 0, "fidelity"), at::TensorOptions());
    EXPECT_NEAR(fidelity(teacher.mean({0, 2, 3}, true).expand_as(teacher), teacher), 1, 1e-3);
    EXPECT_NEAR(fidelity(teacher + 0.5, teacher), 4, 0.1);
}

TEST(AmRadioClaim, MeasuresEveryArmTheSameTwiceAndStopsWhenAsked) {
    JobContext job;
    const ClaimExperiment claim = amRadioClaim();
    const auto measured = claim.measure({.seed = 2, .scale = 0.01, .job = &job});
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_EQ(measured->arms.size(), 6u);
    for (const ClaimCheck& check : claim.judge(ClaimTable({*measured})))
        EXPECT_TRUE(std::isfinite(check.measured)) << check.rule;
    double ranks = 0;
    for (const char* arm : {"student", "teacher shape", "teacher dense", "teacher boundary"})
        ranks += measured->arms.at(arm).at("mean rank over the three tasks");
    EXPECT_NEAR(ranks, 1 + 2 + 3 + 4, 1e-9);
    const auto again = claim.measure({.seed = 2, .scale = 0.01, .job = &job});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->toJson(), measured->toJson());

    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    const auto cancelled = claim.measure({.seed = 2, .scale = 0.01, .job = &stopped});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace vitrine
