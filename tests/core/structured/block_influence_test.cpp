#include "core/structured/block_influence.h"

#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using BlockInfluenceTest = testing::StructuredData;

double plainLoss(const LanguageModel& model, const std::vector<at::Tensor>& batches) {
    const at::NoGradGuard noGrad;
    double sum = 0;
    for (const at::Tensor& ids : batches)
        sum += model.decoder().tokenLosses(ids).mean().item<double>();
    return sum / double(batches.size());
}

TEST_F(BlockInfluenceTest, LeavingOneOutIsRunningTheModelWithoutIt) {
    const LanguageModel& model = trained();
    const auto windows = batches();
    const auto blocks = leaveOneOut(model.decoder(), windows, {Players::Blocks, {}}, job);
    const auto parts = leaveOneOut(model.decoder(), windows, {Players::Parts, {5}}, job);
    ASSERT_TRUE(blocks && parts);
    EXPECT_NEAR(blocks->fullLoss, plainLoss(model, windows), 1e-5);
    for (int64_t i = 0; i < 4; ++i) {
        const auto without = sliceModel(model, withoutBlocks(model.config(), {i}));
        EXPECT_NEAR(blocks->loss[i].item<double>(), plainLoss(**without, windows), 1e-4) << i;
        EXPECT_NEAR(lossWithout(model.decoder(), windows, Players::Blocks, {i}),
                    blocks->loss[i].item<double>(), 1e-6);
        EXPECT_GT(blocks->logits[i].item<double>(), 0);
    }
    for (int64_t part = 0; part < 8; ++part) {
        if (part == 5) {
            EXPECT_TRUE(std::isnan(parts->loss[part].item<double>()));
            continue;
        }
        const auto without = sliceModel(model, withoutParts(model.config(), {5, part}));
        EXPECT_NEAR(parts->loss[part].item<double>(), plainLoss(**without, windows), 1e-4) << part;
    }
}

TEST_F(BlockInfluenceTest, InfluenceIsTheCostAgainstTheOthers) {
    const at::Tensor influence = RemovalCosts::influence(at::tensor({4.0, 1.0, 1.0}, at::kDouble));
    EXPECT_TRUE(influence.allclose(at::tensor({3.0, -1.5, -1.5}, at::kDouble)));
    EXPECT_EQ(removalOrder(at::tensor({0.3, 0.1, 0.2})), (std::vector<int64_t>{1, 2, 0}));
}

TEST_F(BlockInfluenceTest, SubsetsGiveTheSameAgainAndKnowTheFirstBlock) {
    const LanguageModel& model = trained();
    const SubsetOptions options{{Players::Blocks, {}}, 0.5, 12, 3};
    const auto once = shapleyInfluence(model.decoder(), batches(), options, job);
    const auto again = shapleyInfluence(model.decoder(), batches(), options, job);
    ASSERT_TRUE(once && again);
    EXPECT_TRUE(once->loss.equal(again->loss));
    // Every block of a trained model lowers the loss.
    EXPECT_GT(once->loss.sum().item<double>(), 0);
    const SubsetOptions none{{Players::Blocks, {}}, 0.1, 12, 3};
    EXPECT_THAT(shapleyInfluence(model.decoder(), batches(), none, job).error().text(),
                HasSubstr("subsets of 0 of 4"));
}

TEST_F(BlockInfluenceTest, GreedyStepsAreEachTheBest) {
    const LanguageModel& model = trained();
    const auto windows = batches(1);
    const auto order = iterativeOrder(model.decoder(), windows, Players::Blocks, CostKind::Loss, 2, job);
    ASSERT_TRUE(order);
    ASSERT_EQ(order->size(), 2u);
    for (int64_t other = 0; other < 4; ++other) {
        EXPECT_LE(lossWithout(model.decoder(), windows, Players::Blocks, {(*order)[0]}),
                  lossWithout(model.decoder(), windows, Players::Blocks, {other}) + 1e-6);
        EXPECT_LE(lossWithout(model.decoder(), windows, Players::Blocks, {(*order)[0], (*order)[1]}),
                  lossWithout(model.decoder(), windows, Players::Blocks, {(*order)[0], other}) +
                      (other == (*order)[0] ? 1e9 : 1e-6));
    }
}

TEST_F(BlockInfluenceTest, RankCorrelationsAreTheirDefinitions) {
    const at::Tensor a = at::tensor({1.0, 2.0, 3.0, 4.0});
    EXPECT_NEAR(kendallTau(a, a), 1, 1e-12);
    EXPECT_NEAR(kendallTau(a, -a), -1, 1e-12);
    EXPECT_NEAR(kendallTau(a, at::tensor({1.0, 3.0, 2.0, 4.0})), 4.0 / 6, 1e-12);
    EXPECT_NEAR(spearmanRho(a, at::tensor({1.0, 3.0, 2.0, 4.0})), 0.8, 1e-12);
    EXPECT_NEAR(spearmanRho(at::tensor({1.0, 2.0, 2.0, 3.0}), at::tensor({1.0, 3.0, 2.0, 4.0})),
                0.9486832980505138, 1e-9);
    EXPECT_TRUE(std::isnan(kendallTau(a, at::ones({4}))));
}

}  // namespace
}  // namespace vitrine
