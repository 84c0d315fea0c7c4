#include "app/desktop/compress/compress_recipe.h"

#include "core/base/file.h"
#include "core/base/json_schema.h"
#include "core/io/language_files.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(CompressRecipe, StartsFromTheProgramsOwnAndTakesModelAndTexts) {
    Json recipe = compressStartRecipe();
    setModel(recipe, "/models/one");
    addTexts(recipe, "evaluation", {"/a.txt", "/b.txt"});
    addTexts(recipe, "evaluation", {"/a.txt"});
    EXPECT_EQ(modelOf(recipe), "/models/one");
    EXPECT_EQ(textsOf(recipe, "evaluation"), (QStringList{"/a.txt", "/b.txt"}));
    EXPECT_TRUE(validateJson(recipe, compressRecipeSchema()).empty());
    EXPECT_GE(recipe["settings"]["plans"].size(), 5u);
    EXPECT_FALSE(isStartRecipe(recipe));
    // Encoders have one of their own, with structures.
    Json encoder = compressStartRecipe(true);
    setModel(encoder, "/models/two");
    EXPECT_TRUE(validateJson(encoder, compressRecipeSchema()).empty());
    EXPECT_GE(encoder["settings"]["structures"].size(), 5u);
    EXPECT_TRUE(isStartRecipe(encoder));
    encoder["seed"] = 7;
    EXPECT_FALSE(isStartRecipe(encoder));
}

TEST(CompressRecipe, EstimatesComeFromTheSamePlanFirst) {
    const std::vector<MeasuredPlan> measured{{"wanda 2:4", "here", 1e-6},
                                             {"wanda 2:4", "elsewhere", 3e-6},
                                             {"sparsegpt 2:4", "here", 8e-6},
                                             {"sparsegpt 2:4", "here", 4e-6}};
    const auto here = estimateOf("wanda 2:4", 1e6, "here", measured);
    ASSERT_TRUE(here);
    EXPECT_DOUBLE_EQ(here->seconds, 1);
    EXPECT_TRUE(here->same);
    EXPECT_DOUBLE_EQ(estimateOf("wanda 2:4", 1e6, "third", measured)->seconds, 2);
    const auto alike = estimateOf("sparsegpt 2:4 + eora rank 16", 1e6, "here", measured);
    ASSERT_TRUE(alike);
    EXPECT_DOUBLE_EQ(alike->seconds, 6);
    EXPECT_FALSE(alike->same);
    EXPECT_EQ(alike->runs, 2);
    EXPECT_FALSE(estimateOf("magnitude 2:4", 1e6, "here", measured));
}

TEST(CompressRecipe, CostsShowWhatCannotBe) {
    PlanCosts costs;
    costs.denseBytes = 4e6;
    costs.denseOperations = 2e6;
    costs.linearWeights = 1e6;
    costs.rows = {{"wanda 2:4", 17, 2.1e6, 1e6, {}}, {"wanda 3:5", 0, 0, 0, "172 inputs are no groups of 5"}};
    const SweepCost cost = sweepCost(costs, "here", {{"wanda 2:4", "here", 1e-5}});
    EXPECT_EQ(cost.problems, 1);
    ASSERT_EQ(cost.table.rows.size(), 3u);
    EXPECT_EQ(cost.table.rows[0][0].toString(), "dense");
    EXPECT_EQ(cost.table.rows[2][4].toString(), "172 inputs are no groups of 5");
    EXPECT_THAT(cost.summary.toStdString(), HasSubstr("2 plans, 1 cannot be carried out, about"));
}

TEST(CompressQuestions, ModelFoldersAreCopiedWholeOrNotAtAll) {
    testing::TemporaryFolder folder;
    const std::filesystem::path from = folder / "from", to = folder / "to";
    std::filesystem::create_directories(from);
    ASSERT_TRUE(writeFileAtomically(from / "config.json", "{}"));
    ASSERT_TRUE(writeFileAtomically(from / "model.safetensors", "weights"));
    ASSERT_TRUE(copyModelFolder(from, to));
    EXPECT_EQ(*readFile(to / "model.safetensors"), "weights");
    EXPECT_THAT(copyModelFolder(from, to).error().text(), HasSubstr("something in this place already"));
    EXPECT_THAT(copyModelFolder(folder / "gone", folder / "new").error().text(), HasSubstr("is gone"));
}

TEST(LanguageFiles, TellLanguageModelsFromEncoders) {
    testing::TemporaryFolder folder;
    for (const auto& [name, type] : {std::pair("llama", "llama"), std::pair("vision", "dinov2")}) {
        std::filesystem::create_directories(folder / name);
        ASSERT_TRUE(writeFileAtomically(folder / name / "config.json", Json{{"model_type", type}}.dump()));
    }
    ASSERT_TRUE(writeFileAtomically(folder / "broken.gguf", "GGUF but no more"));
    ASSERT_TRUE(writeFileAtomically(folder / "weights.bin", "not llama2.c"));
    EXPECT_TRUE(isLanguageModelPath(folder / "llama"));
    EXPECT_FALSE(isLanguageModelPath(folder / "vision"));
    EXPECT_FALSE(isLanguageModelPath(folder / "broken.gguf"));
    EXPECT_FALSE(isLanguageModelPath(folder / "weights.bin"));
    EXPECT_FALSE(isLanguageModelPath(folder / "nowhere"));
}

}  // namespace
}  // namespace vitrine
