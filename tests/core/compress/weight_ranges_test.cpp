#include "core/compress/weight_ranges.h"

#include "core/compress/layer_compressor.h"
#include "tests/core/compress/compress_data.h"

#include <numeric>

namespace vitrine {
namespace {

int64_t sumOf(const std::vector<int64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), int64_t(0));
}

TEST(WeightRanges, GroupsFallIntoHalfOctavesOfTheWidestWeight) {
    // Two rows of two groups of four, the second cut short: reaches 8, 4, 1 and 0.
    const at::Tensor dense = at::zeros({2, 7});
    dense[0][1] = -8;
    dense[0][6] = 4;
    dense[1][0] = 1;
    at::Tensor rounded = dense.clone();
    rounded[0][1] = -7;   // an error of 1, of an input of square 4
    rounded[1][0] = 0.5;  // of 0.5, of an input of square 16
    const at::Tensor squares = at::ones({7});
    squares[0] = 16;
    squares[1] = 4;
    const WeightRanges ranges = weightRanges(dense, rounded, 4, squares);
    EXPECT_EQ(ranges.widest, 8);
    EXPECT_EQ(ranges.medianGroup, 1);
    EXPECT_EQ(sumOf(ranges.groups), 4);
    EXPECT_EQ(ranges.groups[0], 1);  // 8
    EXPECT_EQ(ranges.groups[2], 1);  // 4: two half octaves below
    EXPECT_EQ(ranges.groups[6], 1);  // 1
    EXPECT_EQ(ranges.groups.back(), 1);
    EXPECT_NEAR(ranges.error[0], 0.5, 1e-12);
    EXPECT_NEAR(ranges.error[6], 0.5, 1e-12);
    EXPECT_EQ(ranges.loudest, 4);
    EXPECT_EQ(sumOf(ranges.inputs), 7);
    EXPECT_EQ(ranges.inputs[0], 1);
    EXPECT_EQ(ranges.inputs[2], 1);  // half as loud
    EXPECT_EQ(ranges.inputs[4], 5);  // a quarter
    const Json json = ranges.json();
    EXPECT_EQ(json["inputs"], (Json{1, 0, 1, 0, 5}));
    EXPECT_EQ(json["group"], 4);
}

TEST(WeightRanges, NothingRoundedAndNothingThereAreNoError) {
    const WeightRanges same = weightRanges(at::ones({2, 4}), at::ones({2, 4}), 4, at::zeros({4}));
    EXPECT_EQ(same.groups[0], 2);
    EXPECT_TRUE(same.json()["error"].empty());
    EXPECT_EQ(same.inputs.back(), 4);
    EXPECT_EQ(weightRanges(at::zeros({2, 4}), at::zeros({2, 4}), 4, at::ones({4})).groups.back(), 2);
}

TEST(WeightRanges, ALowBitLayerReportsThemAndOthersDoNot) {
    at::manual_seed(5);
    const at::Tensor x = unevenInputs(400, 32);
    const LinearStatistics statistics = statisticsOf(x);
    CompressionPlan plan;
    plan.prune = PruneMethod::None;
    plan.quantization = *LowBitFormatSpec::fromName("int4");
    plan.quantization->group = 16;
    plan.rounding = RoundingMethod::Nearest;
    const auto rounded = compressLayer("up", at::randn({24, 32}), statistics, nullptr, plan, 1);
    ASSERT_TRUE(rounded) << messageOf(rounded);
    ASSERT_TRUE(rounded->report.ranges);
    EXPECT_EQ(sumOf(rounded->report.ranges->groups), 24 * 2);
    const auto& error = rounded->report.ranges->error;
    EXPECT_NEAR(std::accumulate(error.begin(), error.end(), 0.), 1, 1e-9);
    EXPECT_TRUE(rounded->report.json().contains("ranges"));
    plan.prune = PruneMethod::Magnitude;
    plan.quantization.reset();
    const auto pruned = compressLayer("up", at::randn({24, 32}), statistics, nullptr, plan, 1);
    ASSERT_TRUE(pruned) << messageOf(pruned);
    EXPECT_FALSE(pruned->report.json().contains("ranges"));
}

}  // namespace
}  // namespace vitrine
