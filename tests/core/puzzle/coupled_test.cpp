// Both parts of a layer taught together, and the second search among such pairs.
#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_scores.h"
#include "core/puzzle/variant_costs.h"
#include "tests/core/structured/structured_data.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

struct CoupledTest : testing::StructuredData {
    BlockLibrary started() {
        const VariantGrid grid{{1}, {0.5}, false, true, false, true};
        auto library = startLibrary(trained(), ranked(trained()), grid, batches(), job);
        EXPECT_TRUE(library) << (library ? "" : library.error().text());
        return std::move(*library);
    }
    static constexpr BlockwiseOptions kOptions{.steps = 40, .learningRate = 3e-3};
};

TEST_F(CoupledTest, BesideTheParentsOwnPartItIsTheLessonOfTheOther) {
    BlockLibrary alone = started(), together = alone;
    const auto windows = batches(4);
    ASSERT_TRUE(distilLayer(trained(), 1, windows, kOptions, alone, job));
    ASSERT_TRUE(distilPairs(trained(), 1, {{1, 0}, {0, 1}}, windows, kOptions, together, job));
    const LayerVariants &a = alone.layers[1], &b = together.layers[1];
    const PairVariant *attention = b.pair({1, 0}), *feedForward = b.pair({0, 1});
    ASSERT_TRUE(attention && feedForward);
    EXPECT_DOUBLE_EQ(attention->errorAfter, a.attention[1].errorAfter);
    EXPECT_DOUBLE_EQ(feedForward->errorAfter, a.feedForward[1].errorAfter);
    EXPECT_LT(attention->errorAfter, attention->errorBefore);
    ASSERT_FALSE(attention->weights.empty());
    for (const auto& [name, weight] : attention->weights)
        EXPECT_TRUE(weight.equal(a.attention[1].weights.at(name))) << name;
    for (const auto& [name, weight] : feedForward->weights)
        EXPECT_TRUE(weight.equal(a.feedForward[1].weights.at(name))) << name;
    // The parts themselves are as they were.
    EXPECT_EQ(b.attention[1].steps, 0);
}

TEST_F(CoupledTest, ATaughtPairIsCloserThanItsPartsAlone) {
    BlockLibrary library = started();
    const auto windows = batches(4);
    const int64_t layer = 2;
    ASSERT_TRUE(distilLayer(trained(), layer, windows, kOptions, library, job));
    const std::vector<BlockChoice> pairs = {{1, 1}, {2, 1}, {0, 0}};
    ASSERT_TRUE(distilPairs(trained(), layer, pairs, windows, kOptions, library, job));
    LayerVariants& variants = library.layers[size_t(layer)];
    ASSERT_EQ(variants.pairs.size(), 2u);  // the parent's own needs no lesson
    for (const PairVariant& pair : variants.pairs) {
        EXPECT_LT(pair.errorAfter, pair.errorBefore);
        EXPECT_TRUE(std::isnan(pair.score));
    }
    // Taught again it takes the old one's place.
    ASSERT_TRUE(distilPairs(trained(), layer, {{1, 1}}, windows, kOptions, library, job));
    EXPECT_EQ(variants.pairs.size(), 2u);
    ASSERT_TRUE(scorePairs(trained(), layer, windows, library, job));
    for (const PairVariant& pair : variants.pairs) {
        std::vector<BlockChoice> choices(4);
        choices[size_t(layer)] = pair.choice;
        const auto child = assemble(trained(), library, choices, PartsTaught::Together);
        ASSERT_TRUE(child) << child.error().text();
        const auto whole = scoreModel(trained(), **child, windows, {}, job);
        ASSERT_TRUE(whole);
        EXPECT_NEAR(pair.score, *whole, 1e-5);
        const auto apart = assemble(trained(), library, choices);
        EXPECT_GT(difference(**apart, **child, windows[0]), 0);
    }
    // The file keeps them.
    ASSERT_TRUE(library.save(folder / "library.safetensors"));
    const auto loaded = BlockLibrary::load(folder / "library.safetensors");
    ASSERT_TRUE(loaded) << loaded.error().text();
    const LayerVariants& again = loaded->layers[size_t(layer)];
    ASSERT_EQ(again.pairs.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(again.pairs[i].choice, variants.pairs[i].choice);
        EXPECT_EQ(again.pairs[i].score, variants.pairs[i].score);
        EXPECT_EQ(again.pairs[i].weights.size(), variants.pairs[i].weights.size());
        for (const auto& [name, weight] : variants.pairs[i].weights)
            EXPECT_TRUE(again.pairs[i].weights.at(name).equal(weight)) << name;
    }
    EXPECT_EQ(library.json(trained().config())[size_t(layer)]["pairs"].size(), 2u);
}

TEST_F(CoupledTest, TheSecondSearchIsAmongTaughtPairsAlone) {
    BlockLibrary library = started();
    const auto windows = batches(2);
    for (int64_t layer = 0; layer < 4; ++layer) {
        ASSERT_TRUE(scoreLayer(trained(), layer, windows, library, job));
        ASSERT_TRUE(distilPairs(trained(), layer, {{0, 1}, {2, 1}}, windows, {.steps = 5}, library, job));
        ASSERT_TRUE(scorePairs(trained(), layer, windows, library, job));
    }
    const auto costs =
        libraryCosts(trained(), library, {.batch = 1, .prompt = 20, .generated = 20}, false, job);
    ASSERT_TRUE(costs);
    ArchitectureLimits limits;
    limits.parameters = 0.8 * costs->parent().parameters;
    const ArchitectureProblem problem = pairProblem(library, *costs, limits);
    for (const auto& row : problem.scores)
        EXPECT_EQ(std::count_if(row.begin(), row.end(), [](double score) { return !std::isnan(score); }), 3);
    const auto solved = solveArchitecture(problem);
    ASSERT_TRUE(solved) << solved.error().text();
    EXPECT_NEAR(solved->score, solveByTrying(problem)->score, 1e-9);
    for (const BlockChoice& choice : choicesOf(library, solved->choice))
        EXPECT_TRUE(choice == (BlockChoice{0, 0}) || choice == (BlockChoice{0, 1}) ||
                    choice == (BlockChoice{2, 1}));
}

}  // namespace
}  // namespace vitrine
