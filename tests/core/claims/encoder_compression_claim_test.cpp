// A short version: every arm is measured, the same twice, and what must hold for any encoder does.
#include "core/claims/encoder_compression_claim.h"

#include "core/claims/encoder_ground.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

TEST(EncoderCompressionClaim, MeasuresEveryArmTheSameTwice) {
    JobContext job;
    const ClaimRequest request{.seed = 5, .scale = 0.02, .device = "cpu", .job = &job};
    const ClaimExperiment claim = encoderCompressionClaim();
    const auto measured = claim.measure(request);
    ASSERT_TRUE(measured) << measured.error().text();
    EXPECT_EQ(measured->arms.size(), 17u);
    for (const ClaimCheck& check : claim.judge(ClaimTable({*measured})))
        EXPECT_TRUE(std::isfinite(check.measured)) << check.rule;

    const auto value = [&](const std::string& arm, const std::string& metric) {
        return measured->arms.at(arm).at(metric);
    };
    const auto error = [&](const std::string& arm) { return value(arm, EncoderGround::kFeatureError); };
    EXPECT_EQ(error("dense"), 0);
    for (const auto& [arm, metrics] : measured->arms)
        EXPECT_EQ(error(arm) > 0, arm != "dense") << arm;
    EXPECT_LT(error("2:4 SparseGPT"), error("2:4 random"));
    EXPECT_LT(error("2:4 Wanda, EoRA path"), error("2:4 Wanda"));
    // The three structures lose the same number of parameters.
    for (const char* arm : {"heads, important", "heads, random", "hidden units, important",
                            "hidden units, random", "blocks, important", "blocks, random"})
        EXPECT_DOUBLE_EQ(value(arm, "weights of the blocks, part kept"), 0.75) << arm;
    EXPECT_LT(value("tokens, merge", "operations of the blocks, part kept"), 0.9);

    const auto again = claim.measure(request);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->toJson(), measured->toJson());
}

TEST(EncoderCompressionClaim, StopsWhenAsked) {
    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    const auto cancelled =
        encoderCompressionClaim().measure({.seed = 5, .scale = 0.01, .device = "cpu", .job = &stopped});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace vitrine
