#include "tests/core/flextron/elastic_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

using ElasticObjectiveTest = testing::ElasticData;

TEST_F(ElasticObjectiveTest, SortingLeavesTheFunctionAsItIs) {
    const auto model = trained();
    const auto made = sorted(*model);
    const at::Tensor ids = at::randint(257, {2, 24}, at::kLong);
    EXPECT_TRUE(at::allclose(made->decoder().logits(ids), model->decoder().logits(ids), 1e-4, 1e-4));
    EXPECT_FALSE(at::allclose(made->decoder().linears()[6]->weight, model->decoder().linears()[6]->weight));
}

TEST_F(ElasticObjectiveTest, MaskedIsCut) {
    const std::shared_ptr<const LanguageModel> model = trained();
    const ElasticOptions elastic = bothAxes(10);
    Training run = training(model, elastic);
    const ElasticChoice choice{{1, 1}, {3, 0}};
    run.objective->settle(choice);
    auto cut = cutModel(run.trainer->model(), elastic.space, choice);
    ASSERT_TRUE(cut) << cut.error().text();
    const at::Tensor ids = at::randint(257, {2, 24}, at::kLong);
    EXPECT_TRUE(
        at::allclose(run.trainer->model().decoder().logits(ids), (*cut)->decoder().logits(ids), 1e-5, 1e-5));
    const DecoderConfig& config = (*cut)->config();
    EXPECT_EQ(config.layers[0].feedForward.intermediate, 48);
    EXPECT_EQ(config.layers[1].feedForward.intermediate, 16);
    EXPECT_EQ(config.layers[0].attention.queryHeads, 2);
    EXPECT_EQ(config.layers[1].attention.queryHeads, 4);
    // The share is that of the parameters that are gone.
    const DecoderConfig& whole = model->config();
    const double elasticCount = elasticParameters(whole, elastic.space).select(1, 0).sum().item<double>() +
                                elasticParameters(whole, elastic.space).select(1, 4).sum().item<double>();
    EXPECT_NEAR(double(whole.parameterCount() - config.parameterCount()),
                elasticCount * (1 - elasticShare(whole, elastic.space, choice)), 0.5);
}

TEST_F(ElasticObjectiveTest, MeetsItsBudgetsAndKeepsTheWholeModel) {
    const std::shared_ptr<const LanguageModel> model = trained();
    ElasticOptions elastic = bothAxes(150);
    elastic.budgets = {1, 0.5};  // two blocks have few sizes in between
    Training run = training(model, elastic);
    const auto heldOut = [&](const LanguageModel& one) {
        const auto score =
            measurePerplexity(one, *run.trainer->texts()[0].tokens, {.length = 32, .limit = 16}, job,
                              run.trainer->texts()[0].heldOut);
        EXPECT_TRUE(score);
        return score->natsPerToken();
    };
    const double dense = heldOut(*model);
    run.objective->settle(sameChoice(model->config(), {2, 1}));
    const double before = heldOut(run.trainer->model());
    while (run.trainer->step() < elastic.steps) {
        const auto report = run.trainer->train();
        ASSERT_TRUE(report) << report.error().text();
    }
    for (const double budget : elastic.budgets) {
        const double share = elasticShare(model->config(), elastic.space, run.objective->choiceFor(budget));
        EXPECT_NEAR(share / budget, 1, 0.15) << budget;
        EXPECT_GT(run.objective->largestProbability(budget), 0.9) << budget;
    }
    EXPECT_EQ(run.objective->choiceFor(1), sameChoice(model->config(), {}));
    run.objective->settle(run.objective->choiceFor(1));
    EXPECT_LT(heldOut(run.trainer->model()), dense + 0.05);
    run.objective->settle(sameChoice(model->config(), {2, 1}));
    EXPECT_LT(heldOut(run.trainer->model()), before - 0.02);
    // An untrained budget lies between its neighbours.
    const at::Tensor between = run.objective->probabilities(0.7, 1);
    EXPECT_TRUE(at::allclose(between.narrow(1, 0, 4).sum(1), at::ones({2})));
}

TEST_F(ElasticObjectiveTest, UntrainedRoutersMeetTheirBudgetsAsWell) {
    const std::shared_ptr<const LanguageModel> model = trained();
    ElasticOptions elastic;
    elastic.budgets = {1, 0.75, 0.5, 0.3};
    elastic.steps = 4;
    for (const uint64_t seed : {1, 2, 3}) {
        elastic.seed = seed;
        const Training run = training(model, elastic);
        for (const double budget : {1.0, 0.75, 0.6, 0.5, 0.4}) {
            const double share =
                elasticShare(model->config(), elastic.space, run.objective->choiceFor(budget));
            // Shares of two blocks lie an eighth apart: nothing is further than half of that.
            EXPECT_LE(std::abs(share - budget), 0.0625 + 1e-6) << budget;
        }
    }
}

TEST_F(ElasticObjectiveTest, GoesOnBitByBit) {
    const std::shared_ptr<const LanguageModel> model = trained();
    for (const bool routed : {true, false}) {
        ElasticOptions elastic = bothAxes(8);
        elastic.routed = routed;
        Training whole = training(model, elastic), first = training(model, elastic),
                 second = training(model, elastic);
        for (int i = 0; i < 6; ++i)
            ASSERT_TRUE(whole.trainer->train());
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(first.trainer->train());
        ASSERT_TRUE(first.trainer->save(folder / "elastic.checkpoint"));
        ASSERT_TRUE(second.trainer->restore(folder / "elastic.checkpoint"));
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(second.trainer->train());
        for (const auto& entry : whole.trainer->model().decoder().named_parameters())
            EXPECT_TRUE(
                at::equal(entry.value(), second.trainer->model().decoder().named_parameters()[entry.key()]))
                << entry.key();
        EXPECT_TRUE(
            at::equal(whole.objective->probabilities(0.5, 1), second.objective->probabilities(0.5, 1)));
    }
}

TEST_F(ElasticObjectiveTest, RefusesWhatCannotBe) {
    const auto config = smallConfig();
    ElasticOptions elastic;
    elastic.budgets = {1, 0.1};
    auto checked = elastic.validate(config);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().text(), HasSubstr("smallest choices keep 0.250"));
    elastic.budgets = {0.5, 1};
    EXPECT_FALSE(elastic.validate(config));
    elastic = {};
    elastic.space.neuronShares = {1, 0.5, 0.5};
    EXPECT_FALSE(elastic.validate(config));
    const std::shared_ptr<const LanguageModel> model = trained();
    Training run = training(model, bothAxes(4));
    const auto recomputed =
        run.objective->loss(run.trainer->model().decoder(), at::ones({1, 9}, at::kLong), 0, true);
    ASSERT_FALSE(recomputed);
    EXPECT_EQ(recomputed.error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace vitrine
