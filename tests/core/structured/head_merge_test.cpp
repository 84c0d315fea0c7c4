#include "core/structured/head_merge.h"

#include "core/models/language/decoder_block.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two key/value groups of three query heads of 8 in each of three blocks.
struct HeadMergeTest : testing::StructuredData {
    HeadMergeTest() : model(randomModel(richConfig(false))) {}

    SlicePlan plan(int64_t heads) const { return *planFor(model->config(), ranking, {.heads = heads}, {}); }
    std::unique_ptr<LanguageModel> student(int64_t heads, HeadMerge how) const {
        const SlicePlan cut = plan(heads);
        auto merged = mergeHeads(*model, cut, *sortedPlan(model->config(), ranking, {}), how);
        EXPECT_TRUE(merged) << (merged ? "" : merged.error().text());
        auto sliced = sliceModel(**merged, cut);
        EXPECT_TRUE(sliced) << (sliced ? "" : sliced.error().text());
        return std::move(*sliced);
    }
    // All query heads of a group ask the same; what they add to the stream still differs.
    void alikeQueries() {
        const at::NoGradGuard noGrad;
        for (int64_t i = 0; i < model->config().depth(); ++i) {
            const auto query = model->decoder().block(i)->linear(LinearRole::Query);
            for (const at::Tensor& weight : {query->weight, query->bias})
                for (int64_t head = 0; head < 6; ++head)
                    weight.narrow(0, head * 8, 8).copy_(weight.narrow(0, head / 3 * 24, 8));
        }
        model->decoder().joinProjections();
        ranking = ranked(*model);
    }
    static at::Tensor queryOf(const LanguageModel& of, int64_t head) {
        return of.decoder().block(1)->linear(LinearRole::Query)->weight.narrow(0, head * 8, 8);
    }

    std::unique_ptr<LanguageModel> model;
    StructureRanking ranking = ranked(*model);
    at::Tensor ids = batches()[0];
};

TEST_F(HeadMergeTest, PairsFoldTheOrderAtTheCut) {
    EXPECT_THAT(residualPairs(6, 8), ElementsAre(MergedHeads{4, 7}, MergedHeads{5, 6}));
    EXPECT_THAT(residualPairs(4, 8),
                ElementsAre(MergedHeads{0, 7}, MergedHeads{1, 6}, MergedHeads{2, 5}, MergedHeads{3, 4}));
    // More go than stay: the least important ones leave nothing.
    EXPECT_THAT(residualPairs(1, 4), ElementsAre(MergedHeads{0, 1}));
    EXPECT_THAT(residualPairs(4, 4), IsEmpty());
}

TEST_F(HeadMergeTest, KeepingAllHeadsChangesNothing) {
    const SlicePlan all = *sortedPlan(model->config(), ranking, {});
    for (const HeadMerge how : {HeadMerge::Residual, HeadMerge::Outputs}) {
        const auto merged = mergeHeads(*model, all, all, how);
        ASSERT_TRUE(merged) << merged.error().text();
        EXPECT_EQ(difference(*model, **merged, ids), 0) << headMergeName(how);
    }
}

TEST_F(HeadMergeTest, ResidualsAreThePublishedSum) {
    const SlicePlan order = *sortedPlan(model->config(), ranking, {});
    const auto merged = mergeHeads(*model, plan(4), order, HeadMerge::Residual);
    ASSERT_TRUE(merged) << merged.error().text();
    const at::Tensor& sorted = order.layers[1].heads;
    for (int64_t group = 0; group < 2; ++group) {
        const auto head = [&](int64_t place) { return sorted[3 * group + place].item<int64_t>(); };
        // K = 2 of L = 3: the second takes from the third.
        EXPECT_TRUE(queryOf(**merged, head(0)).equal(queryOf(*model, head(0))));
        EXPECT_TRUE(at::allclose(queryOf(**merged, head(1)),
                                 2 * queryOf(*model, head(1)) - queryOf(*model, head(2))));
        EXPECT_TRUE(queryOf(**merged, head(2)).equal(queryOf(*model, head(2))));
    }
    // Nothing but queries.
    const auto before = model->decoder().named_parameters(), after = (*merged)->decoder().named_parameters();
    for (const auto& entry : before)
        EXPECT_EQ(entry.value().equal(after[entry.key()]), entry.key().find("q_proj") == std::string::npos)
            << entry.key();
    EXPECT_GT(difference(*student(4, HeadMerge::None), *student(4, HeadMerge::Residual), ids), 1e-3);
}

TEST_F(HeadMergeTest, ResidualsOfAlikeHeadsAreThePlainCut) {
    alikeQueries();
    for (const int64_t heads : {2, 4})
        EXPECT_LT(difference(*student(heads, HeadMerge::None), *student(heads, HeadMerge::Residual), ids),
                  1e-6);
}

TEST_F(HeadMergeTest, OutputsOfAlikeHeadsAreTheUncutModel) {
    alikeQueries();
    for (const int64_t heads : {2, 4}) {
        EXPECT_LT(difference(*model, *student(heads, HeadMerge::Outputs), ids), 1e-5) << heads;
        EXPECT_GT(difference(*model, *student(heads, HeadMerge::None), ids), 1e-2) << heads;
    }
}

TEST_F(HeadMergeTest, OutputsGoToTheMostAlikeHeadOfTheGroup) {
    const at::Tensor heads = sortedPlan(model->config(), ranking, {})->layers[1].heads;
    // The head of group 1 that goes asks what its second kept one asks, twice as loud.
    const int64_t kept = heads[4].item<int64_t>(), gone = heads[5].item<int64_t>();
    const at::NoGradGuard noGrad;
    queryOf(*model, gone).copy_(2 * queryOf(*model, kept));
    const auto query = model->decoder().block(1)->linear(LinearRole::Query);
    query->bias.narrow(0, gone * 8, 8).copy_(2 * query->bias.narrow(0, kept * 8, 8));
    model->decoder().joinProjections();
    const auto merged =
        mergeHeads(*model, plan(4), *sortedPlan(model->config(), ranking, {}), HeadMerge::Outputs);
    ASSERT_TRUE(merged) << merged.error().text();
    const auto columns = [](const LanguageModel& of, int64_t head) {
        return of.decoder().block(1)->linear(LinearRole::Out)->weight.narrow(1, head * 8, 8);
    };
    EXPECT_TRUE(at::allclose(columns(**merged, kept), columns(*model, kept) + columns(*model, gone)));
    const int64_t other = heads[3].item<int64_t>();
    EXPECT_TRUE(columns(**merged, other).equal(columns(*model, other)));
}

TEST_F(HeadMergeTest, RefusesPlansThatDoNotFit) {
    const SlicePlan order = *sortedPlan(model->config(), ranking, {});
    const SlicePlan other =
        *planFor(model->config(), ranking, {.heads = 4}, {.selection = Selection::LeastImportant});
    EXPECT_THAT(mergeHeads(*model, other, order, HeadMerge::Residual).error().text(),
                HasSubstr("not the front of the order"));
    EXPECT_THAT(mergeHeads(*model, plan(4), wholePlan(model->config()), HeadMerge::Residual).error().text(),
                HasSubstr("order of all query heads is missing"));
    EXPECT_THAT(headMergeFromName("average").error().text(), HasSubstr("Known: none, residual, outputs"));
    EXPECT_EQ(*headMergeFromName("residual"), HeadMerge::Residual);
}

}  // namespace
}  // namespace vitrine
