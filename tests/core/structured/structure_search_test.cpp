#include "core/structured/structure_search.h"

#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(StructureSearch, GivesTheLargestWithinTheBudget) {
    const DecoderConfig config = testing::StructuredData::richConfig(false);
    const int64_t whole = config.parameterCount();
    SearchGrid grid;
    grid.widths = {24, 28, 32};
    grid.intermediates = {16, 32, 48, 64};
    grid.depths = {2, 3};
    SearchBudget budget;
    budget.parameters = whole * 3 / 4;
    budget.leastShare = 0.8;
    const auto found = searchCandidates(config, grid, budget, 4);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_GE(found->size(), 2u);
    EXPECT_LE(found->size(), 4u);
    for (size_t i = 0; i < found->size(); ++i) {
        EXPECT_LE((*found)[i].cost.parameters, budget.parameters);
        EXPECT_GE(double((*found)[i].cost.parameters), 0.8 * double(budget.parameters));
        if (i > 0)
            EXPECT_LE((*found)[i].cost.parameters, (*found)[i - 1].cost.parameters);
    }
    // A candidate costs what its slice weighs.
    const auto model = testing::StructuredData::randomModel(config);
    SlicePlan plan = wholePlan(config);
    const StructureSizes sizes = (*found)[0].sizes;
    plan.channels = at::arange(sizes.width, at::kLong);
    plan.layers.resize(size_t(sizes.depth));
    for (LayerSlice& layer : plan.layers)
        layer.neurons = at::arange(sizes.intermediate, at::kLong);
    const auto sliced = sliceModel(*model, plan);
    int64_t parameters = 0;
    for (const at::Tensor& parameter : (*sliced)->decoder().parameters())
        parameters += parameter.numel();
    EXPECT_EQ(parameters, (*found)[0].cost.parameters);
}

TEST(StructureSearch, SaysWhyNothingFits) {
    const DecoderConfig config = testing::StructuredData::richConfig(false);
    SearchBudget budget;
    budget.parameters = 100;
    EXPECT_THAT(searchCandidates(config, {.intermediates = {8, 16}}, budget, 4).error().text(),
                HasSubstr("budget of 100 parameters"));
    EXPECT_THAT(searchCandidates(config, {.heads = {3}}, {}, 4).error().text(),
                HasSubstr("share 2 key/value"));
    EXPECT_THAT(searchCandidates(config, {.widths = {64}}, {}, 4).error().text(),
                HasSubstr("the model has 32"));
    DecoderConfig uneven = config;
    uneven.layers[1].feedForward.intermediate = 8;
    EXPECT_THAT(searchCandidates(uneven, {}, {}, 4).error().text(), HasSubstr("layers are alike"));
}

TEST(StructureSearch, CountsFlips) {
    EXPECT_EQ(rankFlips({1, 2, 3}, {1, 2, 3}), 0);
    EXPECT_EQ(rankFlips({1, 2, 3}, {3, 2, 1}), 3);
    EXPECT_EQ(rankFlips({1, 2, 3}, {2, 1, 3}), 1);
}

}  // namespace
}  // namespace vitrine
