#include "core/mask_learning/mask_objective.h"

#include "tests/core/language/language_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct MaskObjectiveTest : testing::LanguageData {
    // A small model that knows its text.
    std::unique_ptr<LanguageModel> trained() {
        auto trainer = LanguageTrainer::create(trainingOptions(), texts());
        EXPECT_TRUE(trainer);
        while ((*trainer)->step() < 40)
            EXPECT_TRUE((*trainer)->train());
        return (*trainer)->takeModel();
    }
    struct Learning {
        std::shared_ptr<MaskObjective> objective;
        std::unique_ptr<LanguageTrainer> trainer;
    };
    Learning learning(const LanguageModel& model, const MaskLearningOptions& masking,
                      const NamedTensors& prior = {}, bool recompute = false, int64_t accumulation = 1) {
        auto clone = model.clone();
        auto objective = MaskObjective::create(clone->decoder(), masking, prior);
        EXPECT_TRUE(objective) << objective.error().text();
        LanguageTrainingOptions options = withMaskTrainingRates(trainingOptions());
        options.steps = masking.steps;
        options.recompute = recompute;
        options.accumulation = accumulation;
        auto trainer = LanguageTrainer::continueWith(options, texts(), std::move(clone), *objective);
        EXPECT_TRUE(trainer) << trainer.error().text();
        return {*objective, std::move(*trainer)};
    }
    NamedTensors magnitudes(const LanguageModel& model) {
        auto clone = model.clone();
        auto masks = oneShotMasks(*clone, {at::ones({1, 8}, at::kLong)}, PruneMethod::Magnitude,
                                  SparsityPattern::nOfM(2, 4), {}, 0, job);
        EXPECT_TRUE(masks) << masks.error().text();
        return *masks;
    }
    double heldOut(const LanguageTrainer& trainer) {
        return trainer.heldOut(trainer.texts()[0], 16, job)->natsPerToken();
    }
};

TEST_F(MaskObjectiveTest, BeatsItsPriorAndLeavesTheWeightsAlone) {
    const auto model = trained();
    const NamedTensors prior = magnitudes(*model);
    MaskLearningOptions masking;
    masking.steps = 150;
    Learning run = learning(*model, masking, prior);
    const double before = heldOut(*run.trainer);
    EXPECT_LT(run.objective->masks().diagnose(100).back().largestProbability, 0.8);
    while (run.trainer->step() < masking.steps) {
        const auto report = run.trainer->train();
        ASSERT_TRUE(report) << report.error().text();
        EXPECT_GT(report->parts.at("kept weight"), 0);
    }
    run.objective->settle();
    const double after = heldOut(*run.trainer);
    EXPECT_LT(after, before - 0.02);
    const MaskDiagnosis all = run.objective->masks().diagnose(masking.schedule.kappaEnd).back();
    EXPECT_GT(all.fromStart, 0.001);
    EXPECT_LT(all.fromStart, 0.3);  // it stays near its prior
    for (const auto& entry : model->decoder().named_parameters())
        EXPECT_TRUE(at::equal(entry.value(), run.trainer->model().decoder().named_parameters()[entry.key()]));
    // The settled model is the model with masked weights.
    auto masked = model->clone();
    const auto set = run.objective->masks().maskSet();
    ASSERT_TRUE(set);
    NamedTensors weights;
    for (const auto& linear : masked->decoder().linears())
        weights[masked->decoder().linearName(linear->place()) + ".weight"] = linear->weight;
    ASSERT_TRUE(set->applyTo(weights));
    const at::Tensor ids = at::randint(257, {2, 20}, at::kLong);
    EXPECT_TRUE(
        at::allclose(masked->decoder().logits(ids), run.trainer->model().decoder().logits(ids), 1e-4, 1e-4));
}

TEST_F(MaskObjectiveTest, GoesOnBitByBit) {
    const auto model = trained();
    const NamedTensors prior = magnitudes(*model);
    MaskLearningOptions masking;
    masking.steps = 8;
    for (const bool recompute : {false, true}) {
        Learning whole = learning(*model, masking, prior, recompute, 2);
        Learning first = learning(*model, masking, prior, recompute, 2);
        Learning second = learning(*model, masking, prior, recompute, 2);
        for (int i = 0; i < 6; ++i)
            ASSERT_TRUE(whole.trainer->train());
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(first.trainer->train());
        ASSERT_TRUE(first.trainer->save(folder / "masks.checkpoint"));
        ASSERT_TRUE(second.trainer->restore(folder / "masks.checkpoint"));
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(second.trainer->train());
        for (size_t i = 0; i < whole.objective->masks().size(); ++i)
            EXPECT_TRUE(at::equal(whole.objective->masks().logits(i), second.objective->masks().logits(i)));
    }
    // Another prior is another run.
    Learning other = learning(*model, masking, {}, true, 2);
    const auto restored = other.trainer->restore(folder / "masks.checkpoint");
    ASSERT_FALSE(restored);
    EXPECT_THAT(restored.error().text(), HasSubstr("another"));
}

TEST_F(MaskObjectiveTest, ComputesTheSameAgainForItsGradient) {
    const auto model = trained();
    MaskLearningOptions masking;
    masking.steps = 10;
    Learning plain = learning(*model, masking), again = learning(*model, masking, {}, true);
    const auto one = plain.trainer->train(), two = again.trainer->train();
    ASSERT_TRUE(one && two);
    EXPECT_NEAR(one->loss, two->loss, 1e-5);
    EXPECT_NEAR(one->gradientNorm, two->gradientNorm, 1e-4 * one->gradientNorm);
    for (size_t i = 0; i < plain.objective->masks().size(); ++i)
        EXPECT_TRUE(
            at::allclose(plain.objective->masks().logits(i), again.objective->masks().logits(i), 1e-4, 1e-4));
}

TEST_F(MaskObjectiveTest, HasNoPartInTheModelWhenItIsGone) {
    const auto model = trained();
    auto clone = model->clone();
    const at::Tensor ids = at::randint(257, {1, 16}, at::kLong);
    {
        const auto objective = MaskObjective::create(clone->decoder(), {}, {});
        ASSERT_TRUE(objective);
        EXPECT_FALSE(at::allclose(clone->decoder().logits(ids), model->decoder().logits(ids)));
    }
    EXPECT_TRUE(at::allclose(clone->decoder().logits(ids), model->decoder().logits(ids), 1e-5, 1e-5));
}

TEST_F(MaskObjectiveTest, LeavesOutWhatItIsTold) {
    const auto model = trained();
    auto clone = model->clone();
    MaskLearningOptions masking;
    masking.skip = {"down_proj", "layers.0"};
    const auto objective = MaskObjective::create(clone->decoder(), masking, {});
    ASSERT_TRUE(objective);
    EXPECT_EQ((*objective)->masks().size(), 6U);
    masking.skip = {"layers"};
    EXPECT_FALSE(MaskObjective::create(clone->decoder(), masking, {}));
}

}  // namespace
}  // namespace vitrine
