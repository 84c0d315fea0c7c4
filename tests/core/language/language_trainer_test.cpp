#include "core/language/language_trainer.h"

#include "tests/core/language/language_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using LanguageTrainerTest = testing::LanguageData;

std::vector<at::Tensor> weightsOf(const LanguageTrainer& trainer) {
    std::vector<at::Tensor> weights;
    for (const at::Tensor& parameter : trainer.model().decoder().parameters())
        weights.push_back(parameter.detach().clone());
    return weights;
}

void expectEqual(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
        EXPECT_TRUE(at::equal(a[i], b[i])) << "parameter " << i;
}

TEST_F(LanguageTrainerTest, LearnsAndSoDoesItsHeldOutText) {
    auto trainer = LanguageTrainer::create(trainingOptions(), texts());
    ASSERT_TRUE(trainer) << trainer.error().text();
    const auto before = (*trainer)->heldOut((*trainer)->texts()[0], 8, job);
    ASSERT_TRUE(before) << before.error().text();
    EXPECT_NEAR(before->natsPerToken(), std::log(257.0), 0.3);
    while ((*trainer)->step() < 40) {
        const auto report = (*trainer)->train();
        ASSERT_TRUE(report) << report.error().text();
        EXPECT_EQ(report->tokens, 128);
    }
    const auto after = (*trainer)->heldOut((*trainer)->texts()[0], 8, job);
    ASSERT_TRUE(after);
    EXPECT_LT(after->natsPerToken(), 2.6);  // a blind guess: 5.55
}

TEST_F(LanguageTrainerTest, GoesOnBitByBit) {
    LanguageTrainingOptions options = trainingOptions();
    options.accumulation = 2;
    for (const bool recompute : {false, true}) {
        options.recompute = recompute;
        auto whole = LanguageTrainer::create(options, texts());
        auto first = LanguageTrainer::create(options, texts());
        auto second = LanguageTrainer::create(options, texts());
        ASSERT_TRUE(whole && first && second);
        for (int i = 0; i < 6; ++i)
            ASSERT_TRUE((*whole)->train());
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE((*first)->train());
        ASSERT_TRUE((*first)->save(folder / "checkpoint.safetensors"));
        ASSERT_TRUE((*second)->restore(folder / "checkpoint.safetensors"));
        EXPECT_EQ((*second)->step(), 3);
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE((*second)->train());
        expectEqual(weightsOf(**whole), weightsOf(**second));
    }
}

TEST_F(LanguageTrainerTest, AccumulatedBatchesAreOneLargeBatch) {
    LanguageTrainingOptions options = trainingOptions();
    options.clipNorm = 0;
    auto trainer = LanguageTrainer::create(options, texts());
    ASSERT_TRUE(trainer);
    const auto one = (*trainer)->train();
    options.accumulation = 2;
    auto both = LanguageTrainer::create(options, texts());
    const auto two = (*both)->train();
    ASSERT_TRUE(one && two);
    EXPECT_EQ(two->tokens, 2 * one->tokens);
    EXPECT_NEAR(two->loss, one->loss, 0.2);
    EXPECT_LT(two->gradientNorm, 1.3 * one->gradientNorm);  // a mean, not a sum
}

TEST_F(LanguageTrainerTest, RefusesForeignCheckpoints) {
    auto trainer = LanguageTrainer::create(trainingOptions(), texts());
    ASSERT_TRUE(trainer);
    ASSERT_TRUE((*trainer)->save(folder / "checkpoint.safetensors"));
    LanguageTrainingOptions options = trainingOptions();
    options.batch = 8;
    auto other = LanguageTrainer::create(options, texts());
    ASSERT_TRUE(other);
    const auto restored = (*other)->restore(folder / "checkpoint.safetensors");
    ASSERT_FALSE(restored);
    EXPECT_THAT(restored.error().text(), HasSubstr("another model, text, batch or seed"));
}

TEST_F(LanguageTrainerTest, RefusesImpossibleOptions) {
    const auto errorOf = [&](const LanguageTrainingOptions& options, std::vector<LanguageTrainingText> list) {
        const auto trainer = LanguageTrainer::create(options, std::move(list));
        return trainer ? std::string() : trainer.error().text();
    };
    LanguageTrainingOptions options = trainingOptions();
    options.length = 49;
    EXPECT_THAT(errorOf(options, texts()), HasSubstr("holds 1 to 48"));
    EXPECT_THAT(errorOf(trainingOptions(), {}), HasSubstr("no text"));
    auto shortText = texts();
    shortText[0].training.count = 32;
    EXPECT_THAT(errorOf(trainingOptions(), shortText), HasSubstr("a window needs 33"));
    options = trainingOptions();
    options.model.vocabulary = 100;
    EXPECT_THAT(errorOf(options, texts()), HasSubstr("257 tokens, the model knows 100"));
    options = trainingOptions();
    options.finalRate = 1;
    EXPECT_THAT(errorOf(options, texts()), HasSubstr("rates must fall"));
}

}  // namespace
}  // namespace vitrine
