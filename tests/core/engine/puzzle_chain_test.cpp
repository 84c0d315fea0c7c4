// The job "puzzle" on what is left of a model whose least influential blocks went first.
#include "core/structured/structure_cost.h"
#include "tests/core/engine/structure_kinds_data.h"

#include <stop_token>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct PuzzleChainTest : testing::StructureKinds {
    Json chained(int64_t removed, int64_t steps) const {
        Json wanted = puzzle();
        for (const char* key : {"alternatives", "refinements", "coupled_steps", "assemblies"})
            wanted[key] = 0;
        wanted["baselines"] = false;
        wanted["chain_removed"] = removed;
        wanted["chain_metric"] = "iterative_loss";
        wanted["chain_steps"] = steps;
        return wanted;
    }
    Json reportOf(const Project& project, const RunOutcome& outcome) const {
        EXPECT_FALSE(outcome.error) << outcome.error->text();
        return *readJsonFile(fileOf(project, outcome.run, "puzzle.json"));
    }
};

TEST_F(PuzzleChainTest, SharesAreOfTheWholeParentThatTeaches) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = chained(1, 8);
    wanted["budgets"] = {{{"bytes", 0.9}}, {{"bytes", 0.6}}};
    wanted["state_blocks"] = 2;
    wanted["refinements"] = 1;
    wanted["baselines"] = true;
    wanted["output"] = (folder / "children").string();
    const Json report = reportOf(*project, run(*project, "puzzle", wanted));
    const Json &rows = report["architectures"], &parent = rowOf(rows, "name", "parent"),
               &chain = rowOf(rows, "name", "chain");
    const DeploymentProfile profile{.batch = 2, .prompt = 16, .generated = 8};
    EXPECT_EQ(parent["bytes"], structureCost(trained().config(), profile).bytes());
    const double whole = parent["bytes"], left = chain["bytes"];
    ASSERT_LT(left, 0.9 * whole);
    EXPECT_LT(chain["nats_per_token"], chain["nats_assembled"]);
    EXPECT_EQ(chain["steps"], 8);
    // What the chain left is small enough for the first budget: nothing else is replaced.
    const Json& first = rowOf(rows, "name", "puzzle: bytes 0.9");
    EXPECT_EQ(first["choice"], chain["choice"]);
    EXPECT_EQ(first["score"], 0);
    const Json& second = rowOf(rows, "name", "puzzle: bytes 0.6");
    EXPECT_LE(second["bytes"], 0.6 * whole);
    EXPECT_NE(second["choice"], chain["choice"]);
    EXPECT_EQ(second["choice"].size(), 3u);
    EXPECT_NE(second["nats_per_token"], second["nats_assembled"]);  // eight steps are few to gain by
    EXPECT_EQ(report["library"].size(), 3u);
    // What a passage in front saves is measured up to the model's context, in windows longer than the
    // lessons.
    const Json& copying = parent["texts"]["sums"]["copying"];
    ASSERT_EQ(copying.size(), 3u);
    EXPECT_EQ(copying.back()["length"], 48);
    EXPECT_EQ(parent["copying_gain"], copying.back()["gain"]);
    EXPECT_NE(parent["copying_gain"], second["copying_gain"]);
    // Times and bytes of the parent are those of all its blocks.
    const Json& costs = report["costs"];
    ASSERT_EQ(costs["removed"].size(), 1u);
    EXPECT_EQ(costs["removed"][0]["attention"][0]["bytes"], costs["layers"][0]["attention"][0]["bytes"]);
    EXPECT_GT(costs["removed"][0]["attention"][0]["token_seconds"], 0);
    EXPECT_GT(parent["token_seconds"], chain["token_seconds"]);
    // Which blocks were kept is in the report and in the model's folder.
    const Json& about = report["chain"];
    ASSERT_EQ(about["kept"].size(), 3u);
    ASSERT_EQ(about["influence"].size(), 4u);
    const size_t gone = about["removed"][0];
    for (size_t block = 0; block < 4; ++block)
        EXPECT_GE(about["influence"][block], about["influence"][gone]);
    const Json config = *readJsonFile(folder / "children" / "best" / "config.json");
    EXPECT_EQ(config["vitrine"]["chain"]["kept"], about["kept"]);
    EXPECT_EQ(config["vitrine"]["chain"]["metric"], "iterative_loss");
    EXPECT_EQ(config["vitrine"]["weights"], structureFingerprint(trained()));
    const auto child = loadLanguageModel(folder / "children" / "best", {});
    ASSERT_TRUE(child) << child.error().text();
    EXPECT_EQ((*child)->config().depth(), 3);
}

// Without steps the library is of the parent's own blocks, and another search takes it.
TEST_F(PuzzleChainTest, WhatIsLeftIsTheParentsCut) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = chained(2, 0);
    wanted["steps"] = 0;
    wanted["copying_windows"] = 0;
    const RunOutcome outcome = run(*project, "puzzle", wanted);
    const Json report = reportOf(*project, outcome);
    EXPECT_FALSE(rowOf(report["architectures"], "name", "parent").contains("copying_gain"));
    const std::vector<int64_t> removed = report["chain"]["removed"];
    const auto cut = sliceModel(trained(), withoutBlocks(trained().config(), removed));
    ASSERT_TRUE(cut);
    EXPECT_EQ(report["chain"]["weights"], structureFingerprint(**cut));
    wanted["library"] = fileOf(*project, outcome.run, "library.safetensors").string();
    const Json again = reportOf(*project, run(*project, "puzzle", wanted));
    EXPECT_EQ(again["library"], report["library"]);
    // The cut as a parent of its own is what the scores are measured against then: they are measured anew.
    ASSERT_TRUE(saveLanguageModel(**cut, folder / "cut", {.tokenizerFrom = folder / "tokenizer"}));
    wanted["model"] = (folder / "cut").string();
    wanted["chain_removed"] = 0;
    const Json alone = reportOf(*project, run(*project, "puzzle", wanted));
    EXPECT_TRUE(alone["chain"].is_null());
    EXPECT_EQ(alone["library"][0]["attention"], report["library"][0]["attention"]);
    EXPECT_NE(alone["library"][0]["scores"], report["library"][0]["scores"]);
}

TEST_F(PuzzleChainTest, AStoppedChainGoesOnToTheSameLibrary) {
    const Json wanted = chained(1, 8);
    auto whole = Project::openOrCreate(folder / "whole");
    ASSERT_TRUE(whole);
    const RunOutcome uncut = run(*whole, "puzzle", wanted);
    const Json report = reportOf(*whole, uncut);
    for (const char* stage : {"distilling chain", "teaching blocks", "distilling puzzle"}) {
        auto parts = Project::openOrCreate(folder / ("parts of " + std::string(stage)));
        ASSERT_TRUE(parts);
        std::stop_source stop;
        RunnerOptions options;
        int calls = 0;
        options.stop = stop.get_token();
        options.onProgress = [&](const Progress& progress) {
            if (progress.stage.starts_with(stage) && ++calls == 3)
                stop.request_stop();
        };
        const RunOutcome cut = run(*parts, "puzzle", wanted, options);
        ASSERT_TRUE(cut.error) << stage;
        RunnerOptions resume;
        resume.handleSignals = resume.controlSocket = false;
        const auto resumed = resumeRun(*parts, cut.run.id, kinds, resume);
        ASSERT_TRUE(resumed) << resumed.error().text();
        const Json later = reportOf(*parts, *resumed);
        EXPECT_EQ(later["chain"], report["chain"]) << stage;
        EXPECT_EQ(later["library"], report["library"]) << stage;
        EXPECT_EQ(later["best"], report["best"]) << stage;
    }
}

TEST_F(PuzzleChainTest, OneBlockMustStay) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    for (const int64_t removed : {4, 9}) {
        const RunOutcome outcome = run(*project, "puzzle", chained(removed, 0));
        ASSERT_TRUE(outcome.error);
        EXPECT_THAT(outcome.error->text(), HasSubstr("settings/chain_removed"));
        EXPECT_THAT(outcome.error->text(), HasSubstr("the model has 4, of which one must stay"));
        EXPECT_THAT(outcome.error->text(), HasSubstr("Remove 3 at most"));
    }
}

}  // namespace
}  // namespace vitrine
