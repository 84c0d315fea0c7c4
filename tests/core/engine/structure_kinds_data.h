// Settings of the jobs "prune-structures" and "puzzle" on a small trained model, and how they are run.
#pragma once

#include "core/base/file.h"
#include "core/engine/prune_structures_kind.h"
#include "core/engine/puzzle_kind.h"
#include "core/runs/recipe.h"
#include "core/runs/run_store.h"
#include "core/runs/runner.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine::testing {

namespace fs = std::filesystem;

struct StructureKinds : StructuredData {
    StructureKinds() {
        kinds.add(pruneStructuresKind());
        kinds.add(puzzleKind());
        EXPECT_TRUE(saveLanguageModel(trained(), folder / "model", {.tokenizerFrom = folder / "tokenizer"}));
    }
    Json settings() const {
        return {{"model", (folder / "model").string()},
                {"texts", {{{"name", "sums"}, {"paths", {(folder / "sums.txt").string()}}}}},
                {"held_out", 0.1},
                {"length", 32},
                {"batch", 4},
                {"calibration_windows", 12},
                {"evaluation_windows", 6},
                {"steps", 8},
                {"learning_rate", 0.003},
                {"final_rate", 0.0003},
                {"warmup_steps", 1},
                {"checkpoint_every", 3},
                {"output_dtype", "float32"}};
    }
    Json pruning() const {
        Json wanted = settings();
        wanted["plans"] = {{{"intermediate", 12}}, {{"depth", 3}, {"stand_in", "low_rank"}, {"rank", 4}}};
        wanted["search_parameters"] = 20000;
        wanted["search_intermediates"] = {20, 22, 24};
        wanted["search_depths"] = {2};
        wanted["search_candidates"] = 2;
        wanted["search_steps"] = 2;
        return wanted;
    }
    Json puzzle() const {
        Json wanted = settings();
        wanted["neuron_shares"] = {0.5};
        wanted["blockwise_steps"] = 4;
        wanted["score_windows"] = 4;
        wanted["profile_batch"] = 2;
        wanted["profile_prompt"] = 16;
        wanted["profile_generated"] = 8;
        wanted["budgets"] = {{{"bytes", 0.7}}};
        wanted["assemblies"] = 6;
        wanted["alternatives"] = 1;
        wanted["refinements"] = 2;
        wanted["coupled_steps"] = 3;
        return wanted;
    }
    Json recipeOf(const std::string& kind, const Json& jobSettings) {
        auto recipe = completeRecipe(
            {{"kind", kind}, {"name", "test"}, {"seed", 4}, {"settings", jobSettings}}, kinds, "test");
        EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
        return std::move(*recipe);
    }
    RunOutcome run(Project& project, const std::string& kind, const Json& jobSettings,
                   RunnerOptions options = {}) {
        options.handleSignals = options.controlSocket = false;
        auto outcome = runRecipe(project, recipeOf(kind, jobSettings), kinds, options);
        EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
        return std::move(*outcome);
    }
    static fs::path fileOf(const Project& project, const vitrine::Run& run, const std::string& name) {
        const auto artifacts = RunStore(project).artifacts(run);
        for (const Artifact& artifact : *artifacts)
            if (artifact.name == name)
                return project.artifacts().pathOf(artifact.sha256);
        ADD_FAILURE() << "no artifact " << name;
        return {};
    }
    static const Json& rowOf(const Json& rows, const char* key, const std::string& name) {
        for (const Json& row : rows)
            if (row[key] == name)
                return row;
        ADD_FAILURE() << "no row " << name;
        static const Json kNone = Json::object();
        return kNone;
    }
    JobKinds kinds;
};

}  // namespace vitrine::testing
