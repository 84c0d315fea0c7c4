#include "core/structured/structure_ranking.h"

#include "core/models/language/decoder_block.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using StructureRankingTest = testing::StructuredData;

TEST_F(StructureRankingTest, AggregationsAreTheirFormulas) {
    const at::Tensor x = at::randn({6, 9, 5});
    AxisSums once, streamed;
    once.add(x);
    streamed.add(x.narrow(0, 0, 2));
    streamed.add(x.narrow(0, 2, 4));
    const at::Tensor sizes = x.abs().to(at::kDouble);
    const std::map<Reduction, at::Tensor> overTokens = {{Reduction::Mean, sizes.mean(1)},
                                                        {Reduction::L2, sizes.norm(2, 1)},
                                                        {Reduction::Variance, sizes.var(1, false)}};
    for (const auto& [sequence, m] : overTokens) {
        const std::map<Reduction, at::Tensor> overWindows = {{Reduction::Mean, m.mean(0)},
                                                             {Reduction::L2, m.norm(2, 0)},
                                                             {Reduction::Variance, m.var(0, false)}};
        for (const auto& [windows, expected] : overWindows) {
            EXPECT_TRUE(once.scores({sequence, windows}).allclose(expected, 1e-5, 1e-7))
                << reductionName(sequence) << " " << reductionName(windows);
            EXPECT_TRUE(streamed.scores({sequence, windows}).allclose(expected, 1e-5, 1e-7));
        }
    }
}

// The hooks see what the definitions say: computed again here from the network's own parts.
TEST_F(StructureRankingTest, ScoresAreThoseOfTheDefinitions) {
    const auto model = randomModel(richConfig(false));
    const at::Tensor ids = batches()[0];
    const auto ranking = rankStructures(*model, {ids}, {}, job);
    ASSERT_TRUE(ranking) << ranking.error().text();
    struct Seen : DecoderObserver {
        std::vector<at::Tensor> norms, neurons, joined, in, out;
        void onInput(int64_t, LinearGroup group, const at::Tensor& x) override {
            if (group == LinearGroup::Down)
                neurons.push_back(x.clone());
            if (group == LinearGroup::Out)
                joined.push_back(x.clone());
        }
        void onNorm(int64_t, SubLayer, const at::Tensor& y) override { norms.push_back(y.clone()); }
        void onFinalNorm(const at::Tensor& y) override { norms.push_back(y.clone()); }
        void onBlock(int64_t, const at::Tensor& x, const at::Tensor& y) override {
            in.push_back(x.clone());
            out.push_back(y.clone());
        }
    } seen;
    const at::NoGradGuard noGrad;
    model->decoder().hidden(ids, {.observer = &seen});
    const auto meanThenL2 = [](const at::Tensor& x) { return x.abs().mean(1).norm(2, 0).to(at::kDouble); };
    at::Tensor channels = at::zeros({32}, at::kDouble);
    for (const at::Tensor& y : seen.norms)
        channels += meanThenL2(y);
    EXPECT_EQ(seen.norms.size(), 7u);
    EXPECT_TRUE(ranking->channelScores({}).allclose(channels, 1e-4));
    EXPECT_TRUE(ranking->neuronScores(1, {}).allclose(meanThenL2(seen.neurons[1]), 1e-4));
    EXPECT_TRUE(
        ranking->headScores(2, {}).allclose(meanThenL2(seen.joined[2]).view({6, 8}).norm(2, 1), 1e-4));
    for (int64_t i = 0; i < 3; ++i) {
        const at::Tensor x = seen.in[size_t(i)], y = seen.out[size_t(i)];
        EXPECT_NEAR(ranking->blocks.at("cosine")[i].item<double>(),
                    1 - at::cosine_similarity(x, y, -1).mean().item<double>(), 1e-5);
        EXPECT_NEAR(ranking->blocks.at("relative_l2")[i].item<double>(),
                    ((y - x).norm(2, -1) / x.norm(2, -1)).mean().item<double>(), 1e-4);
    }
    EXPECT_EQ(ranking->parts.at("relative_l1").numel(), 6);
    EXPECT_NEAR(ranking->streamCosines[0][1].item<double>(),
                at::cosine_similarity(seen.in[0], seen.in[1], -1).mean().item<double>(), 1e-5);
}

TEST_F(StructureRankingTest, IsReadBackAndKnowsItsModel) {
    const auto model = randomModel(richConfig(true)), other = randomModel(richConfig(true), 2);
    const StructureRanking ranking = ranked(*model);
    ASSERT_TRUE(ranking.save(folder / "ranking.safetensors"));
    const auto loaded = StructureRanking::load(folder / "ranking.safetensors");
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_TRUE(loaded->channelScores({}).equal(ranking.channelScores({})));
    EXPECT_TRUE(loaded->headScores(1, {}).equal(ranking.headScores(1, {})));
    EXPECT_TRUE(loaded->neuronScores(2, {Reduction::L2, Reduction::Variance}, NeuronScore::TimesDownNorm)
                    .equal(ranking.neuronScores(2, {Reduction::L2, Reduction::Variance},
                                                NeuronScore::TimesDownNorm)));
    EXPECT_TRUE(loaded->parts.at("cosine").equal(ranking.parts.at("cosine")));
    EXPECT_EQ(loaded->tokens, 480);
    EXPECT_TRUE(loaded->checkModel(*model));
    EXPECT_THAT(loaded->checkModel(*other).error().text(), HasSubstr("another model"));
    ASSERT_TRUE(saveLanguageModel(*model, folder / "model"));
    EXPECT_THAT(StructureRanking::load(folder / "model" / "model.safetensors").error().text(),
                HasSubstr("no ranking of structures"));
}

TEST_F(StructureRankingTest, RefusesBadCalibration) {
    const auto model = randomModel(richConfig(false));
    EXPECT_THAT(rankStructures(*model, {}, {}, job).error().text(), HasSubstr("no text"));
    EXPECT_THAT(rankStructures(*model, batches(), {.skipTokens = 40}, job).error().text(),
                HasSubstr("40 tokens are skipped of windows of 40"));
    const at::NoGradGuard noGrad;
    model->decoder().block(1)->parameters()[0].fill_(std::numeric_limits<double>::quiet_NaN());
    EXPECT_THAT(rankStructures(*model, batches(), {}, job).error().text(), HasSubstr("block 1"));
}

}  // namespace
}  // namespace vitrine
