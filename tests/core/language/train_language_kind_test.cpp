// The job "train-language-model" as a user meets it.
#include "core/engine/train_language_kind.h"

#include "core/engine/language_evaluation_kind.h"
#include "core/engine/language_store.h"
#include "core/runs/recipe.h"
#include "core/runs/runner.h"
#include "core/runs/series.h"
#include "tests/core/language/language_data.h"
#include "tests/support/test_data.h"

#include <stop_token>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct TrainLanguageKindTest : testing::LanguageData {
    TrainLanguageKindTest() {
        kinds.add(trainLanguageModelKind());
        kinds.add(languageEvaluationKind());
    }
    Json settings(int64_t steps) const {
        return {{"texts", {{{"name", "sums"}, {"paths", {(folder / "sums.txt").string()}}}}},
                {"held_out", 0.1},
                {"vocabulary", 300},
                {"width", 32},
                {"depth", 2},
                {"heads", 4},
                {"key_value_heads", 2},
                {"head_width", 8},
                {"intermediate", 64},
                {"context", 48},
                {"length", 32},
                {"batch", 4},
                {"steps", steps},
                {"warmup_steps", 2},
                {"evaluate_every", 5},
                {"evaluation_windows", 4},
                {"sample_tokens", 8},
                {"checkpoint_every", 4},
                {"output_dtype", "float32"}};
    }
    RunOutcome run(Project& project, const std::string& kind, const Json& jobSettings) {
        const auto recipe = completeRecipe(
            {{"kind", kind}, {"name", "test"}, {"seed", 4}, {"settings", jobSettings}}, kinds, "test");
        EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
        RunnerOptions options;
        options.handleSignals = options.controlSocket = false;
        auto outcome = runRecipe(project, *recipe, kinds, options);
        EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
        return std::move(*outcome);
    }
    JobKinds kinds;
};

TEST_F(TrainLanguageKindTest, LeavesAModelThatCanBeMeasured) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project) << project.error().text();
    Json wanted = settings(12);
    wanted["output"] = (folder / "model").string();
    const RunOutcome outcome = run(*project, "train-language-model", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto language = openLanguage(folder / "model", "", "cpu", "float32");
    ASSERT_TRUE(language) << language.error().text();
    EXPECT_EQ(language->model->config().vocabulary, language->tokenizer.vocabularySize());
    EXPECT_GT(language->model->config().vocabulary, 257);
    const Json config = *readJsonFile(folder / "model" / "config.json");
    EXPECT_EQ(config["vitrine"]["steps"], 12);
    EXPECT_EQ(config["vitrine"]["trained_on"][0]["name"], "sums");

    const RunOutcome measured = run(*project, "evaluate-language",
                                    {{"models", {(folder / "model").string()}},
                                     {"texts", {(folder / "sums.txt").string()}},
                                     {"length", 32}});
    ASSERT_FALSE(measured.error) << measured.error->text();
    RunStore store(*project);
    const auto artifacts = store.artifacts(measured.run);
    ASSERT_TRUE(artifacts);
    ASSERT_FALSE(artifacts->empty());
}

TEST_F(TrainLanguageKindTest, TheSameRecipeGivesTheSameResult) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    const RunOutcome a = run(*project, "train-language-model", settings(6));
    const RunOutcome b = run(*project, "train-language-model", settings(6));
    ASSERT_FALSE(a.error || b.error);
    EXPECT_FALSE(a.run.resultHash.empty());
    EXPECT_EQ(a.run.resultHash, b.run.resultHash);
}

TEST_F(TrainLanguageKindTest, AStoppedRunGoesOnToTheSameResult) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = settings(60);
    wanted["evaluate_every"] = 20;
    const RunOutcome whole = run(*project, "train-language-model", wanted);
    ASSERT_FALSE(whole.error) << whole.error->text();
    const auto recipe = completeRecipe(
        {{"kind", "train-language-model"}, {"name", "test"}, {"seed", 4}, {"settings", wanted}}, kinds,
        "test");
    ASSERT_TRUE(recipe);
    std::stop_source stop;
    RunnerOptions options;
    options.handleSignals = options.controlSocket = false;
    options.stop = stop.get_token();
    options.onProgress = [&](const Progress& progress) {
        if (progress.stage == "training" && progress.done >= 6)
            stop.request_stop();
    };
    const auto stopped = runRecipe(*project, *recipe, kinds, options);
    ASSERT_TRUE(stopped) << stopped.error().text();
    ASSERT_TRUE(stopped->error);
    EXPECT_EQ(stopped->error->code, ErrorCode::Cancelled);
    RunnerOptions again;
    again.handleSignals = again.controlSocket = false;
    const auto resumed = resumeRun(*project, stopped->run.id, kinds, again);
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_FALSE(resumed->error) << resumed->error->text();
    EXPECT_EQ(resumed->run.resultHash, whole.run.resultHash);
}

TEST_F(TrainLanguageKindTest, TheProjectsRecipeIsWhole) {
    const fs::path file = testing::sourceFolder() / "resources" / "recipes" / "train_language_model.json";
    const auto json = readJsonFile(file);
    ASSERT_TRUE(json) << json.error().text();
    const auto recipe = completeRecipe(*json, kinds, file.string());
    EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
}

TEST_F(TrainLanguageKindTest, SaysWhatIsMissing) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wrong = settings(6);
    wrong["texts"][0]["paths"] = {(folder / "nowhere.txt").string()};
    const RunOutcome outcome = run(*project, "train-language-model", wrong);
    ASSERT_TRUE(outcome.error);
    EXPECT_THAT(outcome.error->text(), HasSubstr("nowhere.txt"));
    wrong = settings(6);
    wrong["length"] = 100;
    const RunOutcome longer = run(*project, "train-language-model", wrong);
    ASSERT_TRUE(longer.error);
    EXPECT_THAT(longer.error->text(), HasSubstr("the model's context holds 1 to 48"));
}

}  // namespace
}  // namespace vitrine
