// What a plan is said to cost is what it costs.
#include "core/compress/plan_cost.h"

#include "core/compress/layer_compressor.h"
#include "tests/core/compress/compress_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

std::vector<CompressionPlan> somePlans() {
    std::vector<CompressionPlan> plans;
    for (const char* format : {"", "int8", "int4", "int3", "int4_symmetric", "fp8_e4m3", "nf4", "nvfp4"})
        for (const PruneMethod prune : {PruneMethod::None, PruneMethod::Magnitude})
            for (const char* pattern : {"2:4", "4:8", "50%"}) {
                if (prune == PruneMethod::None && !*format)
                    continue;  // that is no plan
                CompressionPlan plan;
                plan.prune = prune;
                plan.pattern = *SparsityPattern::fromText(pattern);
                plan.rounding = RoundingMethod::Nearest;
                if (*format)
                    plan.quantization = *LowBitFormatSpec::fromName(format);
                plans.push_back(plan);
            }
    CompressionPlan repaired = plans.back();
    repaired.lowRank = LowRankMethod::PlainSvd;
    repaired.rank = 7;
    plans.push_back(repaired);
    repaired.adapterFormat = *LowBitFormatSpec::fromName("int4");
    plans.push_back(repaired);
    return plans;
}

TEST(PlanCost, BitsPerWeightAreThoseOfTheSavedForm) {
    at::manual_seed(3);
    for (const auto& [rows, columns] :
         std::vector<std::pair<int64_t, int64_t>>{{24, 64}, {10, 176}, {8, 256}}) {
        const auto weight = at::randn({rows, columns});
        const auto statistics = statisticsOf(at::randn({64, columns}));
        for (const CompressionPlan& plan : somePlans()) {
            const auto done = compressLayer("layer", weight, statistics, nullptr, plan, 0);
            ASSERT_TRUE(done) << plan.text() << ": " << messageOf(done);
            const std::vector<LayerShape> shapes{{"layer", rows, columns}};
            const auto cost = planCost(plan, shapes, 4);
            ASSERT_TRUE(cost) << messageOf(cost);
            EXPECT_NEAR(cost->bitsPerWeight(), done->report.bitsPerWeight, 1e-9)
                << plan.text() << " of " << rows << " x " << columns;
        }
    }
}

TEST(PlanCost, OperationsCountWhatStaysAndThePath) {
    CompressionPlan plan;
    plan.prune = PruneMethod::Magnitude;
    plan.lowRank = LowRankMethod::Eora;
    plan.rank = 4;
    plan.skip = {"down"};
    const std::vector<LayerShape> shapes{{"up", 32, 16}, {"down", 16, 32}};
    const auto cost = planCost(plan, shapes, 4);
    ASSERT_TRUE(cost) << messageOf(cost);
    EXPECT_EQ(cost->layers, 1);
    EXPECT_EQ(cost->operations, 2 * 512 / 2 + 2 * 4 * (32 + 16) + 2 * 512);
}

TEST(PlanCost, SaysWhichLayerDoesNotFit) {
    CompressionPlan plan;
    plan.prune = PruneMethod::Magnitude;
    const std::vector<LayerShape> odd{{"fits", 8, 16}, {"odd", 8, 18}};
    EXPECT_THAT(messageOf(planCost(plan, odd, 4)), HasSubstr("odd"));
    plan.pattern = SparsityPattern::unstructured(0.5);
    plan.lowRank = LowRankMethod::Eora;
    plan.rank = 12;
    EXPECT_THAT(messageOf(planCost(plan, odd, 4)), HasSubstr("rank 12 is larger than the layer"));
}

}  // namespace
}  // namespace vitrine
