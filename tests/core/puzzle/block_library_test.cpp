#include "core/puzzle/block_library.h"

#include "core/language/language_distiller.h"
#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_scores.h"
#include "core/puzzle/variant_costs.h"
#include "core/structured/block_influence.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct BlockLibraryTest : testing::StructuredData {
    static VariantGrid grid() {
        VariantGrid grid;
        grid.keyValueHeads = {1};
        grid.neuronShares = {0.5, 0.25};
        return grid;
    }
    BlockLibrary started(const LanguageModel& model) {
        auto library = startLibrary(model, ranked(model), grid(), batches(), job);
        EXPECT_TRUE(library) << (library ? "" : library.error().text());
        return std::move(*library);
    }
    static std::vector<BlockChoice> parents(int64_t depth) { return std::vector<BlockChoice>(size_t(depth)); }
};

TEST_F(BlockLibraryTest, TheParentsOwnBlocksMakeTheParent) {
    for (const bool nemotron : {false, true}) {
        const auto model = randomModel(richConfig(nemotron));
        const BlockLibrary library = started(*model);
        const auto same = assemble(*model, library, parents(3));
        ASSERT_TRUE(same) << same.error().text();
        EXPECT_LT(difference(*model, **same, batches()[0]), 1e-6);
        EXPECT_EQ(library.layers[0].attention.size(), 4u);
        EXPECT_EQ(library.layers[0].feedForward.size(), 5u);
    }
}

TEST_F(BlockLibraryTest, VariantsAreWhatTheySay) {
    const auto model = randomModel(richConfig(false));
    const BlockLibrary library = started(*model);
    const LayerVariants& layer = library.layers[1];
    EXPECT_EQ(layer.attention[1].name, "1 key/value head");
    EXPECT_EQ(layer.feedForward[1].name, "50 % neurons");
    EXPECT_EQ(layer.feedForward[3].name, "linear");
    EXPECT_EQ(layer.feedForward[4].name, "none");
    EXPECT_EQ(layer.feedForward[1].weights.at("mlp.down_proj.weight").sizes(),
              (std::vector<int64_t>{32, 32}));
    // The mean of the two heads.
    const at::Tensor key = model->decoder().block(1)->linear(LinearRole::Key)->weight;
    EXPECT_TRUE(layer.attention[1]
                    .weights.at("self_attn.k_proj.weight")
                    .allclose((key.narrow(0, 0, 8) + key.narrow(0, 8, 8)) / 2));
    // The neurons with the largest score, as they are.
    const at::Tensor scores =
        ranked(*model).neuronScores(1, {Reduction::Mean, Reduction::Mean}, NeuronScore::TimesDownNorm);
    const at::Tensor best = std::get<1>(scores.sort(true, 0, true)).narrow(0, 0, 16);
    EXPECT_TRUE(layer.feedForward[2]
                    .weights.at("mlp.up_proj.weight")
                    .equal(model->decoder().block(1)->linear(LinearRole::Up)->weight.index_select(0, best)));
    // Every pair runs, and its file holds what it computes.
    std::vector<BlockChoice> choices = {{1, 3}, {2, 1}, {3, 4}};
    const auto child = assemble(*model, library, choices);
    ASSERT_TRUE(child) << child.error().text();
    ASSERT_TRUE(saveLanguageModel(**child, folder / "child"));
    const auto loaded = loadLanguageModel(folder / "child", {});
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ(difference(**child, **loaded, batches()[0]), 0);
}

TEST_F(BlockLibraryTest, BlocksLearnWhatTheParentsDo) {
    const LanguageModel& model = trained();
    BlockLibrary library = started(model), again = started(model);
    const auto windows = batches(6);
    for (auto* one : {&library, &again})
        ASSERT_TRUE(distilLayer(model, 2, windows, {.steps = 60, .learningRate = 3e-3}, *one, job));
    for (const auto* parts : {&library.layers[2].attention, &library.layers[2].feedForward})
        for (size_t j = 1; j < parts->size(); ++j) {
            const PartVariant& variant = (*parts)[j];
            if (variant.name == "none" || variant.name == "linear")  // begins as the best fit
                EXPECT_LE(variant.errorAfter, variant.errorBefore);
            else
                EXPECT_LT(variant.errorAfter, variant.errorBefore) << variant.name;
        }
    // Deterministic, and other layers are as they were.
    for (const auto& [name, weight] : library.layers[2].feedForward[1].weights)
        EXPECT_TRUE(weight.equal(again.layers[2].feedForward[1].weights.at(name))) << name;
    EXPECT_EQ(library.layers[1].feedForward[1].steps, 0);
}

TEST_F(BlockLibraryTest, ScoresAreTheDivergenceOfTheWholeModel) {
    const LanguageModel& model = trained();
    BlockLibrary library = started(model);
    const auto windows = batches(2);
    ASSERT_TRUE(scoreLayer(model, 1, windows, library, job));
    const at::Tensor scores = library.layers[1].scores;
    EXPECT_EQ(scores[0][0].item<double>(), 0);
    for (const BlockChoice choice :
         {BlockChoice{1, 0}, BlockChoice{0, 2}, BlockChoice{2, 3}, BlockChoice{3, 4}}) {
        auto choices = parents(4);
        choices[1] = choice;
        const auto child = assemble(model, library, choices);
        ASSERT_TRUE(child);
        double expected = 0;
        for (const at::Tensor& ids : windows)
            expected += meanDivergence(model.decoder(), (*child)->decoder(), ids) / 2;
        EXPECT_NEAR(scores[choice.attention][choice.feedForward].item<double>(), expected,
                    1e-4 * std::max(1.0, expected));
    }
}

TEST_F(BlockLibraryTest, CostsAddUpToTheFile) {
    const auto model = randomModel(richConfig(false));
    const BlockLibrary library = started(*model);
    const DeploymentProfile profile{
        .batch = 3, .prompt = 20, .generated = 20, .weights = at::kFloat, .cache = at::kFloat};
    const auto costs = libraryCosts(*model, library, profile, true, job);
    ASSERT_TRUE(costs) << costs.error().text();
    const std::vector<BlockChoice> choices = {{1, 3}, {2, 1}, {3, 4}};
    const auto child = assemble(*model, library, choices);
    ASSERT_TRUE(saveLanguageModel(**child, folder / "child"));
    const auto source = openTensors(folder / "child" / "model.safetensors");
    const auto tensors = readAllTensors(**source);
    double bytes = 0, parameters = 0;
    for (const auto& [name, tensor] : *tensors) {
        bytes += double(tensor.nbytes());
        parameters += double(tensor.numel());
    }
    const PartCost cost = costs->of(choices);
    EXPECT_EQ(cost.parameters, parameters);
    // One layer keeps a cache: one key/value head of 8, 3 sequences of 40 tokens.
    EXPECT_EQ(cost.bytes, bytes + 2.0 * 8 * 40 * 3 * 4);
    EXPECT_GT(costs->layers[0].attention[0].promptSeconds, 0);
    EXPECT_EQ(costs->layers[0].attention[3].promptSeconds, 0);
    const auto far = libraryCosts(*model, library, {.batch = 1, .prompt = 40, .generated = 40}, false, job);
    EXPECT_THAT(far.error().text(), HasSubstr("the context holds 48"));
}

TEST_F(BlockLibraryTest, TheSearchKeepsToTheBudget) {
    const LanguageModel& model = trained();
    BlockLibrary library = started(model);
    const auto windows = batches(2);
    for (int64_t layer = 0; layer < 4; ++layer)
        ASSERT_TRUE(scoreLayer(model, layer, windows, library, job));
    const DeploymentProfile profile{.batch = 1, .prompt = 20, .generated = 20};
    const auto costs = libraryCosts(model, library, profile, false, job);
    ASSERT_TRUE(costs);
    const double whole = costs->of(parents(4)).bytes;
    ArchitectureLimits limits;
    limits.bytes = 0.7 * whole;
    const auto problem = architectureProblem(library, *costs, limits);
    const auto solved = solveArchitecture(problem);
    ASSERT_TRUE(solved) << solved.error().text();
    const auto choices = choicesOf(library, solved->choice);
    EXPECT_LE(costs->of(choices).bytes, limits.bytes);
    EXPECT_EQ(pairsOf(library, choices), solved->choice);
    const auto child = assemble(model, library, choices);
    ASSERT_TRUE(child);
    double drawn = 0;
    for (uint64_t seed = 0; seed < 3; ++seed) {
        const auto random = drawArchitecture(problem, seed);
        ASSERT_TRUE(random);
        const auto other = assemble(model, library, choicesOf(library, random->choice));
        drawn += lossWithout((*other)->decoder(), windows, Players::Blocks, {}) / 3;
    }
    EXPECT_LT(lossWithout((*child)->decoder(), windows, Players::Blocks, {}), drawn);
    limits.bytes = 100;
    EXPECT_THAT(solveArchitecture(architectureProblem(library, *costs, limits)).error().text(),
                HasSubstr("the budget of bytes is 100"));
}

TEST_F(BlockLibraryTest, IsReadBackAndKnowsItsModel) {
    const auto model = randomModel(richConfig(false)), other = randomModel(richConfig(false), 2);
    BlockLibrary library = started(*model);
    ASSERT_TRUE(scoreLayer(*model, 0, batches(1), library, job));
    ASSERT_TRUE(library.save(folder / "library.safetensors"));
    const auto loaded = BlockLibrary::load(folder / "library.safetensors");
    ASSERT_TRUE(loaded) << loaded.error().text();
    const std::vector<BlockChoice> choices = {{1, 3}, {2, 1}, {3, 4}};
    const auto first = assemble(*model, library, choices), second = assemble(*model, *loaded, choices);
    ASSERT_TRUE(first && second) << second.error().text();
    EXPECT_EQ(difference(**first, **second, batches()[0]), 0);
    EXPECT_TRUE(loaded->layers[0].scores.equal(library.layers[0].scores));
    EXPECT_FALSE(loaded->layers[1].scores.defined());
    EXPECT_THAT(assemble(*other, *loaded, choices).error().text(), HasSubstr("another model"));
    EXPECT_THAT(assemble(*model, *loaded, {{9, 0}, {0, 0}, {0, 0}}).error().text(),
                HasSubstr("no pair 9 and 0"));
}

TEST_F(BlockLibraryTest, RefusesGridsThatDoNotFit) {
    const auto model = randomModel(richConfig(false));
    const StructureRanking ranking = ranked(*model);
    VariantGrid wrong = grid();
    wrong.keyValueHeads = {2};
    EXPECT_THAT(startLibrary(*model, ranking, wrong, batches(), job).error().text(),
                HasSubstr("2 key/value heads cannot become 2"));
    wrong = grid();
    wrong.neuronShares = {1.5};
    EXPECT_THAT(startLibrary(*model, ranking, wrong, batches(), job).error().text(),
                HasSubstr("between 0 and 1, found 1.5"));
    const auto other = randomModel(richConfig(false), 2);
    EXPECT_THAT(startLibrary(*other, ranking, grid(), batches(), job).error().text(),
                HasSubstr("another model"));
}

}  // namespace
}  // namespace vitrine
