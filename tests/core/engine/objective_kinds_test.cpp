// The jobs "learn-masks" and "train-elastic" as a user meets them.
#include "core/compress/mask_set.h"
#include "core/engine/language_store.h"
#include "core/engine/learn_masks_kind.h"
#include "core/engine/train_elastic_kind.h"
#include "core/io/safetensors.h"
#include "core/runs/recipe.h"
#include "core/runs/runner.h"
#include "core/runs/series.h"
#include "tests/core/language/language_data.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct ObjectiveKindsTest : testing::LanguageData {
    ObjectiveKindsTest() {
        kinds.add(learnMasksKind());
        kinds.add(trainElasticKind());
        auto trainer = LanguageTrainer::create(trainingOptions(), texts());
        EXPECT_TRUE(trainer);
        while ((*trainer)->step() < 40)
            EXPECT_TRUE((*trainer)->train());
        EXPECT_TRUE(saveLanguageModel(*(*trainer)->takeModel(), folder / "model",
                                      {.tokenizerFrom = folder / "tokenizer"}));
    }
    Json settings(int64_t steps) const {
        return {{"model", (folder / "model").string()},
                {"texts", {{{"name", "sums"}, {"paths", {(folder / "sums.txt").string()}}}}},
                {"held_out", 0.1},
                {"length", 32},
                {"batch", 4},
                {"steps", steps},
                {"calibration_windows", 4},
                {"evaluate_every", 5},
                {"evaluation_windows", 4},
                {"checkpoint_every", 5},
                {"output", (folder / "out").string()},
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

TEST_F(ObjectiveKindsTest, LearntMasksAreAFileAndAModel) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project) << project.error().text();
    Json wanted = settings(12);
    wanted["history_every"] = 4;
    const RunOutcome outcome = run(*project, "learn-masks", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto masks = MaskSet::load(folder / "out" / "masks.safetensors");
    ASSERT_TRUE(masks) << masks.error().text();
    const auto dense = openLanguage(folder / "model", "", "cpu", "float32");
    const auto pruned = openLanguage(folder / "out", "", "cpu", "float32");
    ASSERT_TRUE(dense && pruned);
    NamedTensors weights;
    for (const auto& linear : dense->model->decoder().linears())
        weights[dense->model->decoder().linearName(linear->place()) + ".weight"] = linear->weight.clone();
    ASSERT_TRUE(masks->applyTo(weights));
    for (const auto& linear : pruned->model->decoder().linears()) {
        const std::string name = pruned->model->decoder().linearName(linear->place()) + ".weight";
        EXPECT_TRUE(masks->is24(name));
        EXPECT_TRUE(at::equal(weights.at(name), linear->weight)) << name;
    }
    // The masks of one run begin another; those of another model are refused.
    wanted["prior"] = "file";
    wanted["prior_file"] = (folder / "out" / "masks.safetensors").string();
    wanted["steps"] = 2;
    wanted["output"] = (folder / "second").string();
    const RunOutcome second = run(*project, "learn-masks", wanted);
    EXPECT_FALSE(second.error) << second.error->text();
    wanted["model"] = (folder / "out").string();
    const RunOutcome foreign = run(*project, "learn-masks", wanted);
    ASSERT_TRUE(foreign.error);
    EXPECT_THAT(foreign.error->text(), HasSubstr("other weights"));
    wanted["prior_file"] = "";
    const RunOutcome nameless = run(*project, "learn-masks", wanted);
    ASSERT_TRUE(nameless.error);
    EXPECT_THAT(nameless.error->text(), HasSubstr("prior_file"));
}

TEST_F(ObjectiveKindsTest, AnElasticModelIsCutToEveryBudget) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project) << project.error().text();
    Json wanted = settings(10);
    wanted["head_shares"] = {1, 0.5};
    wanted["budgets"] = {1, 0.5};
    wanted["surrogate_samples"] = 8;
    const RunOutcome outcome = run(*project, "train-elastic", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto whole = openLanguage(folder / "out" / "elastic", "", "cpu", "float32");
    const auto half = openLanguage(folder / "out" / "budget-0.5", "", "cpu", "float32");
    ASSERT_TRUE(whole) << whole.error().text();
    ASSERT_TRUE(half) << half.error().text();
    EXPECT_LE(half->model->config().parameterCount(), whole->model->config().parameterCount());
    wanted["read_text"] = true;
    const RunOutcome noSurrogate = run(*project, "train-elastic", wanted);
    ASSERT_TRUE(noSurrogate.error);
    EXPECT_THAT(noSurrogate.error->text(), HasSubstr("settings/surrogate_samples"));
    wanted["read_text"] = false;
    wanted["recompute"] = true;
    const RunOutcome refused = run(*project, "train-elastic", wanted);
    ASSERT_TRUE(refused.error);
    EXPECT_THAT(refused.error->text(), HasSubstr("recompute"));
}

TEST_F(ObjectiveKindsTest, RoutersThatReadTheTextAreKept) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project) << project.error().text();
    Json wanted = settings(10);
    wanted["budgets"] = {1, 0.5};
    wanted["read_text"] = true;
    wanted["hidden"] = 8;
    const RunOutcome outcome = run(*project, "train-elastic", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    EXPECT_FALSE(fs::exists(folder / "out" / "budget-0.5"));
    ASSERT_TRUE(openLanguage(folder / "out" / "elastic", "", "cpu", "float32"));
    const auto routers = openSafetensors(folder / "out" / "elastic" / "routers.safetensors");
    ASSERT_TRUE(routers) << routers.error().text();
    EXPECT_EQ((*routers)->metadata().at("budgets"), "[1.0,0.5]");
    EXPECT_EQ(parseJson((*routers)->metadata().at("prices"), "prices")->size(), 2u);
    const auto artifacts = RunStore(*project).artifacts(outcome.run);
    ASSERT_TRUE(artifacts);
    Json report;
    for (const Artifact& each : *artifacts)
        if (each.name == "sizes.json")
            report = *readJsonFile(project->artifacts().pathOf(each.sha256));
    ASSERT_EQ(report["sizes"].size(), 2u);
    const Json& half = report["sizes"][1];
    EXPECT_EQ(half["chosen_by"], "text");
    EXPECT_NEAR(half["size"].get<double>() / 0.5, 1, 0.08);
    EXPECT_LT(half["parameters"].get<double>(), report["sizes"][0]["parameters"].get<double>());
    EXPECT_EQ(half["routes"]["tokens"].size(), 32u);
    ASSERT_EQ(half["routes"]["shares"].size(), 2u);
    EXPECT_EQ(half["routes"]["shares"][1].size(), 32u);
    // The mean over blocks of the mean shares is the size: blocks are alike.
    EXPECT_NEAR((half["blocks"][0]["neurons"].get<double>() + half["blocks"][1]["neurons"].get<double>()) / 2,
                half["size"].get<double>(), 1e-6);
}

}  // namespace
}  // namespace vitrine
