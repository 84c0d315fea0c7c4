#include "core/language/language_distiller.h"

#include "tests/core/language/language_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct LanguageDistillerTest : testing::LanguageData {
    std::shared_ptr<LanguageModel> teacher() {
        auto trainer = LanguageTrainer::create(trainingOptions(), texts());
        while ((*trainer)->step() < 40)
            EXPECT_TRUE((*trainer)->train());
        return (*trainer)->takeModel();
    }
    std::unique_ptr<LanguageModel> student(int64_t width, int64_t depth) {
        DecoderConfig config = smallConfig();
        config.width = width;
        config.layers.resize(size_t(depth), config.layers[0]);
        return std::move(*createLanguageModel(config, 7, 0.02));
    }
    at::Tensor window() {
        at::Tensor ids = at::empty({2, 33}, at::kLong);
        texts()[0].tokens->read(0, {ids.data_ptr<int64_t>(), 66});
        return ids;
    }
};

TEST_F(LanguageDistillerTest, LogitLossesAreTheirFormulas) {
    const at::Tensor own = at::randn({5, 11}), target = at::randn({5, 11});
    const at::Tensor p = target.softmax(-1), q = own.softmax(-1);
    const double forward = (p * (p.log() - q.log())).sum(-1).mean().item<double>();
    const double reverse = (q * (q.log() - p.log())).sum(-1).mean().item<double>();
    const auto of = [&](DistillationOptions options) {
        return logitDistance(own, target, options).item<double>();
    };
    EXPECT_NEAR(of({}), forward, 1e-6);
    EXPECT_NEAR(of({.logits = LogitLoss::ReverseKl}), reverse, 1e-6);
    EXPECT_NEAR(of({.logits = LogitLoss::MeanSquare}), (own - target).square().mean().item<double>(), 1e-6);
    EXPECT_NEAR(of({.temperature = 2, .squareTemperature = true}),
                4 * of({.temperature = 2, .squareTemperature = false}), 1e-6);
    EXPECT_NEAR(of({.topK = 11}), forward, 1e-6);
    EXPECT_NE(of({.topK = 3}), forward);
    EXPECT_NEAR(logitDistance(target, target, {}).item<double>(), 0, 1e-7);
}

TEST_F(LanguageDistillerTest, AStudentComesToSpeakAsItsTeacher) {
    const auto master = teacher();
    LanguageTrainingOptions options = trainingOptions();
    auto distiller = createLanguageDistiller(options, texts(), student(32, 1), master, {});
    ASSERT_TRUE(distiller) << distiller.error().text();
    const double before =
        meanDivergence(master->decoder(), (*distiller)->model().decoder(), window().narrow(1, 0, 32));
    double first = 0;
    while ((*distiller)->step() < 40) {
        const auto report = (*distiller)->train();
        ASSERT_TRUE(report) << report.error().text();
        if (report->step == 1)
            first = report->parts.at("logits");
        EXPECT_EQ(report->loss, report->parts.at("logits"));
    }
    const auto learnt = (*distiller)->takeModel();
    const double after = meanDivergence(master->decoder(), learnt->decoder(), window().narrow(1, 0, 32));
    EXPECT_LT(after, 0.25 * before);
    EXPECT_NEAR(first, before, 0.4 * before);
    EXPECT_FALSE(learnt->decoder().embeddingWeight().requires_grad());
}

TEST_F(LanguageDistillerTest, GoesOnBitByBitWithStatesOfAnotherWidth) {
    const auto master = teacher();
    DistillationOptions distillation;
    distillation.crossEntropy = 0.5;
    distillation.states = {{0, 0}, {1, 2}};
    LanguageTrainingOptions options = trainingOptions();
    options.accumulation = 2;
    const auto make = [&] {
        return std::move(*createLanguageDistiller(options, texts(), student(24, 1), master, distillation));
    };
    auto whole = make(), first = make(), second = make();
    for (int i = 0; i < 6; ++i)
        ASSERT_TRUE(whole->train());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(first->train());
    ASSERT_TRUE(first->save(folder / "checkpoint.safetensors"));
    ASSERT_TRUE(second->restore(folder / "checkpoint.safetensors"));
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(second->train());
    const auto expected = whole->model().decoder().named_parameters();
    for (const auto& entry : second->model().decoder().named_parameters())
        EXPECT_TRUE(at::equal(entry.value(), expected[entry.key()])) << entry.key();
    // Another teacher's or objective's checkpoint is not taken.
    auto plain = LanguageTrainer::continueWith(options, texts(), student(24, 1));
    ASSERT_TRUE(plain);
    const auto restored = (*plain)->restore(folder / "checkpoint.safetensors");
    ASSERT_FALSE(restored);
    EXPECT_THAT(restored.error().text(), HasSubstr("another model, text, batch or seed"));
}

TEST_F(LanguageDistillerTest, BalancedLossesWeighTheSame) {
    const auto master = teacher();
    DistillationOptions distillation;
    distillation.states = {{1, 2}};
    auto objective = distillationObjective(master, smallConfig(), distillation);
    ASSERT_TRUE(objective);
    const auto pupil = student(32, 2);
    const auto loss = (*objective)->loss(pupil->decoder(), window(), 0, false);
    ASSERT_TRUE(loss);
    EXPECT_NEAR(loss->total.item<double>(), 2 * loss->parts.at("logits"), 1e-4);
    // A teacher of itself: nothing to learn.
    const auto none = (*objective)->loss(master->decoder(), window(), 0, false);
    EXPECT_NEAR(none->parts.at("logits"), 0, 1e-5);
}

TEST_F(LanguageDistillerTest, RefusesWhatCannotBeLearnt) {
    const auto master = teacher();
    const auto errorOf = [&](const DistillationOptions& options, std::unique_ptr<LanguageModel> pupil) {
        const auto made =
            createLanguageDistiller(trainingOptions(), texts(), std::move(pupil), master, options);
        return made ? std::string() : made.error().text();
    };
    EXPECT_THAT(errorOf({.logits = LogitLoss::None}, student(32, 2)), HasSubstr("nothing to learn from"));
    EXPECT_THAT(errorOf({.temperature = 0}, student(32, 2)), HasSubstr("temperature must be above 0"));
    EXPECT_THAT(errorOf({.states = {{3, 1}}}, student(32, 2)), HasSubstr("the student has 0 to 2"));
    DecoderConfig other = smallConfig();
    other.vocabulary = 300;
    EXPECT_THAT(errorOf({}, std::move(*createLanguageModel(other, 1))), HasSubstr("speaks 257 tokens"));
    EXPECT_THAT(logitLossFromName("kl").error().text(), HasSubstr("forward_kl"));
}

}  // namespace
}  // namespace vitrine
