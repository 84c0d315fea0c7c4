#include "core/puzzle/block_scores.h"

#include "core/language/language_distiller.h"
#include "core/models/language/decoder_block.h"
#include "core/puzzle/refined_search.h"
#include "core/puzzle/variant_costs.h"
#include "core/structured/block_influence.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct BlockScoresTest : testing::StructuredData {
    BlockLibrary started() {
        const VariantGrid grid{{1}, {0.5}, false, true, false, true};
        auto library = startLibrary(trained(), ranked(trained()), grid, batches(), job);
        EXPECT_TRUE(library) << (library ? "" : library.error().text());
        return std::move(*library);
    }
    static double lossOf(const LanguageModel& model, const std::vector<at::Tensor>& windows) {
        return lossWithout(model.decoder(), windows, Players::Blocks, {});
    }
};

TEST_F(BlockScoresTest, NamesAreReadBack) {
    for (const auto score : {BlockScore::Divergence, BlockScore::Loss, BlockScore::StateCosine,
                             BlockScore::StateError, BlockScore::Task})
        EXPECT_EQ(*blockScoreFromName(blockScoreName(score)), score);
    EXPECT_THAT(blockScoreFromName("kl").error().text(), HasSubstr("One of divergence"));
}

// Each kind is what the assembled model has, less what the parent has; the parent's own pair has nothing.
TEST_F(BlockScoresTest, EveryKindIsTheWholeModelsDifference) {
    const auto windows = batches(2);
    for (const auto kind :
         {BlockScore::Divergence, BlockScore::Loss, BlockScore::StateCosine, BlockScore::StateError}) {
        BlockLibrary library = started();
        const ScoreOptions options{kind, {}};
        ASSERT_TRUE(scoreLayer(trained(), 1, windows, library, job, options));
        EXPECT_EQ(library.scoredBy, blockScoreName(kind));
        const at::Tensor scores = library.layers[1].scores;
        EXPECT_EQ(scores[0][0].item<double>(), 0);
        const auto own = scoreModel(trained(), trained(), windows, options, job);
        ASSERT_TRUE(own);
        for (const BlockChoice choice : {BlockChoice{1, 0}, BlockChoice{0, 2}, BlockChoice{2, 1}}) {
            std::vector<BlockChoice> choices(4);
            choices[1] = choice;
            const auto child = assemble(trained(), library, choices);
            const auto whole = scoreModel(trained(), **child, windows, options, job);
            ASSERT_TRUE(whole);
            EXPECT_NEAR(scores[choice.attention][choice.feedForward].item<double>(), *whole - *own,
                        1e-5 * std::max(1.0, *whole))
                << blockScoreName(kind);
            if (kind == BlockScore::Loss) {
                EXPECT_NEAR(*whole, lossOf(**child, windows), 1e-4);
            }
        }
        EXPECT_NEAR(*own, kind == BlockScore::Loss ? lossOf(trained(), windows) : 0, 1e-4);
    }
}

// Of what was cut out of another model, and learnt since, in that one's eyes.
TEST_F(BlockScoresTest, AnotherModelCanBeTheTarget) {
    auto cut = std::move(*sliceModel(trained(), withoutBlocks(trained().config(), {2})));
    {
        const at::NoGradGuard noGrad;  // a head and norm of its own
        for (at::Tensor& parameter : cut->decoder().parameters())
            parameter.mul_(1.01);
    }
    const VariantGrid grid{{1}, {0.5}, false, true, false, true};
    const auto windows = batches(2);
    for (const auto kind :
         {BlockScore::Divergence, BlockScore::Loss, BlockScore::StateCosine, BlockScore::StateError}) {
        auto library = startLibrary(*cut, ranked(*cut), grid, windows, job);
        ASSERT_TRUE(library) << library.error().text();
        const ScoreOptions options{kind, {}, &trained(), "abc"};
        ASSERT_TRUE(scoreLayer(*cut, 1, windows, *library, job, options));
        EXPECT_EQ(library->scoredBy, std::string(blockScoreName(kind)) + " to abc");
        const auto own = scoreModel(*cut, *cut, windows, options, job);
        ASSERT_TRUE(own);
        EXPECT_GT(*own, 1e-3) << "the cut is not its target";
        std::vector<BlockChoice> choices(3);
        choices[1] = {2, 1};
        const auto child = assemble(*cut, *library, choices);
        const auto whole = scoreModel(*cut, **child, windows, options, job);
        ASSERT_TRUE(whole);
        EXPECT_NEAR(library->layers[1].scores[2][1].item<double>(), *whole - *own,
                    1e-5 * std::max(1.0, *whole));
        const auto alone = scoreModel(*cut, **child, windows, {kind, {}}, job);
        if (kind == BlockScore::Loss)
            EXPECT_NEAR(*whole, lossOf(**child, windows), 1e-4);
        else
            EXPECT_GT(std::abs(*alone - *whole), 1e-4);
        if (kind == BlockScore::Divergence) {
            double expected = 0;
            for (const at::Tensor& ids : windows)
                expected += meanDivergence(trained().decoder(), (*child)->decoder(), ids) / 2;
            EXPECT_NEAR(*whole, expected, 1e-5);
        }
    }
}

TEST_F(BlockScoresTest, ATaskIsAskedOfWholeModels) {
    BlockLibrary library = started();
    int asked = 0;
    const auto windows = batches(1);
    ScoreOptions options{BlockScore::Task, {}};
    EXPECT_THAT(scoreLayer(trained(), 1, windows, library, job, options).error().text(),
                HasSubstr("need its questions"));
    // A "task" whose error is known: the loss.
    options.task = [&](const LanguageModel& model) -> Result<double> {
        ++asked;
        return lossOf(model, windows);
    };
    ASSERT_TRUE(scoreLayer(trained(), 1, windows, library, job, options));
    EXPECT_EQ(asked, 1 + 9);
    BlockLibrary byLoss = started();
    ASSERT_TRUE(scoreLayer(trained(), 1, windows, byLoss, job, {BlockScore::Loss, {}}));
    EXPECT_TRUE(library.layers[1].scores.allclose(byLoss.layers[1].scores, 1e-4, 1e-5));
    EXPECT_EQ(library.scoredBy, "task");
    ASSERT_TRUE(library.save(folder / "library.safetensors"));
    EXPECT_EQ(BlockLibrary::load(folder / "library.safetensors")->scoredBy, "task");
}

TEST_F(BlockScoresTest, AroundAnotherModelScoresAreWhatItsBlockAdds) {
    const BlockLibrary library = started();
    const auto windows = batches(2);
    const std::vector<BlockChoice> now = {{0, 1}, {1, 0}, {2, 1}, {0, 0}};
    const auto around = assemble(trained(), library, now);
    const auto scores = scoresAround(trained(), **around, 2, library, windows, {}, job);
    ASSERT_TRUE(scores) << scores.error().text();
    EXPECT_NEAR((*scores)[2][1].item<double>(), 0, 1e-6);  // its own block
    const double own = *scoreModel(trained(), **around, windows, {}, job);
    auto other = now;
    other[2] = {0, 0};
    const auto child = assemble(trained(), library, other);
    EXPECT_NEAR((*scores)[0][0].item<double>(), *scoreModel(trained(), **child, windows, {}, job) - own,
                1e-5);
}

TEST_F(BlockScoresTest, RefinementKeepsToBudgetsAndNeverMakesItWorse) {
    BlockLibrary library = started();
    const auto windows = batches(2);
    for (int64_t layer = 0; layer < 4; ++layer)
        ASSERT_TRUE(scoreLayer(trained(), layer, windows, library, job));
    const auto costs =
        libraryCosts(trained(), library, {.batch = 1, .prompt = 20, .generated = 20}, false, job);
    ASSERT_TRUE(costs);
    int better = 0;
    for (const double share : {0.85, 0.7, 0.55}) {
        ArchitectureLimits limits;
        limits.parameters = share * costs->parent().parameters;
        const ArchitectureProblem problem = architectureProblem(library, *costs, limits);
        // From a bad start there is something to gain.
        for (const auto& begin : {solveArchitecture(problem), drawArchitecture(problem, 1)}) {
            ASSERT_TRUE(begin);
            const auto refined =
                refineArchitecture(trained(), library, problem, begin->choice, 6, windows, {}, job);
            ASSERT_TRUE(refined) << refined.error().text();
            EXPECT_TRUE(problem.allows(refined->choice));
            EXPECT_LE(refined->after, refined->before);
            EXPECT_LE(refined->rounds, 6);
            const auto child = assemble(trained(), library, choicesOf(library, refined->choice));
            EXPECT_NEAR(*scoreModel(trained(), **child, windows, {}, job), refined->after, 1e-6);
            better += refined->taken > 0;
        }
    }
    EXPECT_GE(better, 2);
}

}  // namespace
}  // namespace vitrine
