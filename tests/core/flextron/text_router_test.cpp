// Routers that read the text: each token takes widths of its own.
#include "tests/core/flextron/elastic_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct TextRouterTest : testing::ElasticData {
    static ElasticOptions reading(int64_t steps) {
        ElasticOptions elastic = bothAxes(steps);
        elastic.budgets = {1, 0.5};
        elastic.readsText = true;
        elastic.hidden = 16;
        return elastic;
    }
    static at::Tensor weightOf(const ElasticObjective& objective, const std::string& name) {
        for (const OptimizedParameter& parameter : objective.parameters())
            if (parameter.name == name)
                return parameter.tensor;
        ADD_FAILURE() << "the routers have no " << name;
        return {};
    }
    static void train(Training& run, int64_t steps) {
        for (int64_t step = 0; step < steps; ++step) {
            const auto report = run.trainer->train();
            ASSERT_TRUE(report) << report.error().text();
        }
    }
    static std::vector<at::Tensor> windows(const LanguageTrainer& trainer) {
        at::Tensor ids = at::empty({8, 32}, at::kLong);
        const LanguageTrainingText& text = trainer.texts()[0];
        for (int64_t row = 0; row < 8; ++row)
            text.tokens->read(text.training.first + 97 * row, {ids.data_ptr<int64_t>() + 32 * row, 32});
        return {ids};
    }
};

TEST_F(TextRouterTest, AConstantStateIsTheStaticRouter) {
    const std::shared_ptr<const LanguageModel> model = trained();
    Training run = training(model, reading(20));
    train(run, 6);
    const auto together = [&](const at::Tensor& x, int64_t block) {
        return at::cat({run.objective->textProbabilities(0.5, 3, block, false, x),
                        run.objective->textProbabilities(0.5, 3, block, true, x)},
                       -1);
    };
    const at::Tensor nothing = at::zeros({2, 5, 32}), same = at::randn({32}).expand({2, 5, 32});
    for (int64_t block = 0; block < 2; ++block) {
        const at::Tensor fixed = run.objective->probabilities(0.5, 3)[block];
        EXPECT_TRUE(at::allclose(together(nothing, block), fixed.expand({2, 5, 6}), 1e-6, 1e-6));
        // One state for all: one choice for all, and another than that of no state.
        const at::Tensor all = together(same, block);
        EXPECT_TRUE(at::allclose(all, all[0][0].expand({2, 5, 6}), 1e-6, 1e-6));
        EXPECT_FALSE(at::allclose(all[0][0], fixed, 1e-4, 1e-4));
        EXPECT_TRUE(at::allclose(together(7 * same, block), all, 1e-5, 1e-6));  // of its direction alone
    }
    // Routers that do not look at the state choose for every token what the static ones choose.
    {
        const at::NoGradGuard plain;
        weightOf(*run.objective, "router.text.weight").zero_();
    }
    const at::Tensor likely = run.objective->probabilities(0.5, 1),
                     ids = at::randint(257, {2, 24}, at::kLong);
    ElasticChoice choice;
    for (int64_t block = 0; block < 2; ++block)
        choice.push_back({likely[block].narrow(0, 0, 4).argmax().item<int64_t>(),
                          likely[block].narrow(0, 4, 2).argmax().item<int64_t>()});
    run.objective->follow(0.5);
    const at::Tensor followed = run.trainer->model().decoder().logits(ids);
    EXPECT_NEAR(run.objective->routes().size,
                elasticShare(model->config(), run.objective->options().space, choice), 1e-6);
    run.objective->settle(choice);
    EXPECT_TRUE(at::allclose(followed, run.trainer->model().decoder().logits(ids), 1e-5, 1e-5));
}

// A window of one token: what is computed is a model cut to that token's widths.
TEST_F(TextRouterTest, EveryTokenComputesAsTheModelCutToItsWidths) {
    const std::shared_ptr<const LanguageModel> model = trained();
    const ElasticOptions elastic = reading(20);
    Training run = training(model, elastic);
    train(run, 10);
    const auto indexOf = [](const std::vector<double>& shares, double share) {
        for (size_t index = 0; index < shares.size(); ++index)
            if (std::abs(shares[index] - share) < 1e-6)
                return int64_t(index);
        ADD_FAILURE() << "no share " << share;
        return int64_t(0);
    };
    for (const int64_t token : {3, 65, 200}) {
        const at::Tensor ids = at::full({1, 1}, token, at::kLong);
        run.objective->follow(0.5);
        const at::Tensor followed = run.trainer->model().decoder().logits(ids);
        const TextRoutes routes = run.objective->routes();
        ASSERT_EQ(routes.tokens, 1);
        ElasticChoice choice;
        for (size_t block = 0; block < 2; ++block)
            choice.push_back({indexOf(elastic.space.neuronShares, routes.neurons[block]),
                              indexOf(elastic.space.headShares, routes.heads[block])});
        const auto cut = cutModel(run.trainer->model(), elastic.space, choice);
        ASSERT_TRUE(cut) << cut.error().text();
        EXPECT_TRUE(at::allclose(followed, (*cut)->decoder().logits(ids), 1e-4, 1e-4)) << token;
        EXPECT_NEAR(routes.size, elasticShare(model->config(), elastic.space, choice), 1e-6);
    }
}

TEST_F(TextRouterTest, TheBudgetIsMetInTheMeanOverText) {
    const std::shared_ptr<const LanguageModel> model = trained();
    Training run = training(model, reading(150));
    train(run, 150);
    const LanguageTrainingText& text = run.trainer->texts()[0];
    run.objective->meetOnText(run.trainer->model().decoder(), windows(*run.trainer), 0.5, 0.5);
    run.objective->follow(0.5);
    const auto score =
        measurePerplexity(run.trainer->model(), *text.tokens, {.length = 32, .limit = 16}, job, text.heldOut);
    ASSERT_TRUE(score);
    const TextRoutes routes = run.objective->routes();
    EXPECT_EQ(routes.tokens, 16 * 32);
    EXPECT_NEAR(routes.size / 0.5, 1, 0.08);  // on text that the price was not found on
    EXPECT_EQ(run.objective->lastShares().sizes(), at::IntArrayRef({2, 32}));
    // A mean lies between widths where tokens of one block differ.
    const at::Tensor shares = run.objective->lastShares();
    EXPECT_GT((shares.amax(1) - shares.amin(1)).max().item<double>(), 0.2);
    // Whole windows cost what their tokens cost.
    run.objective->meetOnText(run.trainer->model().decoder(), windows(*run.trainer), 1, 1);
    run.objective->follow(1);
    run.trainer->model().decoder().hidden(windows(*run.trainer)[0]);
    EXPECT_NEAR(run.objective->routes().size, 1, 0.01);
}

TEST_F(TextRouterTest, GoesOnBitByBit) {
    const std::shared_ptr<const LanguageModel> model = trained();
    const ElasticOptions elastic = reading(8);
    Training whole = training(model, elastic), first = training(model, elastic),
             second = training(model, elastic);
    train(whole, 6);
    train(first, 3);
    // What is looked at in between changes nothing.
    first.objective->meetOnText(first.trainer->model().decoder(), windows(*first.trainer), 0.5, 0.5);
    ASSERT_TRUE(first.trainer->save(folder / "text.checkpoint"));
    ASSERT_TRUE(second.trainer->restore(folder / "text.checkpoint"));
    train(second, 3);
    for (const auto& entry : whole.trainer->model().decoder().named_parameters())
        EXPECT_TRUE(
            at::equal(entry.value(), second.trainer->model().decoder().named_parameters()[entry.key()]))
            << entry.key();
    for (const OptimizedParameter& parameter : whole.objective->parameters())
        EXPECT_TRUE(at::equal(parameter.tensor, weightOf(*second.objective, parameter.name)))
            << parameter.name;
    EXPECT_GT(weightOf(*whole.objective, "router.text.weight").abs().max().item<double>(), 0);
    // A checkpoint of routers that see the budget alone is another training's.
    ElasticOptions other = elastic;
    other.readsText = false;
    Training budgetAlone = training(model, other);
    EXPECT_FALSE(budgetAlone.trainer->restore(folder / "text.checkpoint"));
}

TEST_F(TextRouterTest, NeedsRouters) {
    ElasticOptions elastic = reading(4);
    elastic.routed = false;
    const auto checked = elastic.validate(smallConfig());
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().text(), HasSubstr("no routers to read the text"));
}

}  // namespace
}  // namespace vitrine
