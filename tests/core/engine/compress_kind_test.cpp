// The job "compress" on a real small language model: what it measures, keeps and refuses.
#include "core/engine/compress_kind.h"

#include "core/compress/compressed_weights.h"
#include "core/compress/mask_set.h"
#include "core/eval/language_perplexity.h"
#include "core/io/safetensors.h"
#include "core/runs/run_context.h"
#include "core/runs/runner.h"
#include "core/runs/series.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

struct CompressJob {
    explicit CompressJob(const std::filesystem::path& shared) : shared_(shared) {
        auto made = Project::create(folder / "project");
        EXPECT_TRUE(made);
        project.emplace(std::move(*made));
        kinds.add(compressKind());
    }

    Json recipe(const Json& plans) const {
        const auto model = shared_ / "language_models" / "stories260K";
        return {{"kind", "compress"},
                {"seed", 5},
                {"settings",
                 {{"model", (model / "stories260K.bin").string()},
                  {"tokenizer", (model / "tok512.bin").string()},
                  {"evaluation", {(shared_ / "text/tinystories/tinystories_sample.txt").string()}},
                  {"documents", true},
                  {"windows", 24},
                  {"length", 96},
                  {"speed", false},
                  {"output", (folder / "models").string()},
                  {"plans", plans}}}};
    }
    RunOutcome carryOut(const Json& recipe) {
        RunnerOptions options;
        options.handleSignals = false;
        auto outcome = runRecipe(*project, recipe, kinds, options);
        EXPECT_TRUE(outcome) << outcome.error().text();
        return std::move(*outcome);
    }
    Json report(const vitrine::Run& run) const { return *readJsonFile(fileOf(run, "compression.json")); }

    std::filesystem::path fileOf(const vitrine::Run& run, const std::string& name) const {
        const auto artifacts = RunStore(*project).artifacts(run);
        for (const Artifact& artifact : *artifacts)
            if (artifact.name == name)
                return project->artifacts().pathOf(artifact.sha256);
        return {};
    }

    testing::TemporaryFolder folder;
    std::filesystem::path shared_;
    std::optional<Project> project;
    JobKinds kinds;
};

double perplexityOf(const Json& report, const std::string& plan) {
    for (const Json& row : report["plans"])
        if (row["plan"] == plan)
            return row["perplexity"];
    ADD_FAILURE() << "no plan " << plan;
    return 0;
}

TEST(CompressKind, MethodsStandBesideDenseAndRandom) {
    VITRINE_SHARED_DATA(shared, "data/language_models");
    CompressJob job(shared.parent_path());
    Json recipe = job.recipe({{{"prune", "sparsegpt"}},
                              {{"prune", "sparsegpt"}, {"low_rank", "eora"}, {"rank", 16}},
                              {{"prune", "none"}, {"format", "int4"}, {"group", 32}}});
    recipe["settings"]["speed"] = true;
    recipe["settings"]["speed_tokens"] = {3};
    const RunOutcome outcome = job.carryOut(recipe);
    ASSERT_EQ(outcome.run.status, RunStatus::Finished) << outcome.run.error;
    const Json report = job.report(outcome.run);
    ASSERT_EQ(report["plans"].size(), 5u);
    const double dense = perplexityOf(report, "dense"), pruned = perplexityOf(report, "sparsegpt 2:4"),
                 repaired = perplexityOf(report, "sparsegpt 2:4 + eora rank 16"),
                 rounded = perplexityOf(report, "int4 (gptq, groups of 32)"),
                 random = perplexityOf(report, "random control 2:4");
    EXPECT_LT(dense, rounded);
    EXPECT_LT(rounded, 1.2 * dense);
    EXPECT_LT(repaired, 0.6 * pruned);
    EXPECT_LT(pruned, 0.2 * random);
    EXPECT_EQ(report["best"]["plan"], "int4 (gptq, groups of 32)");
    // 35 layers of three plans and the control, each with its errors.
    EXPECT_EQ(report["layers"].size(), 4u * 35u);
    for (const Json& layer : report["layers"])
        EXPECT_EQ(layer.contains("ranges"), layer["plan"] == "int4 (gptq, groups of 32)") << layer;
    const auto times = readJsonFile(job.fileOf(outcome.run, "times.json"));
    ASSERT_TRUE(times);
    const Json& speeds = (*times)["speed_of_2:4"]["rows"];
    ASSERT_FALSE(speeds.empty());
    for (const Json& speed : speeds)
        EXPECT_EQ(speed["tokens"], 3);
    const auto names = metricNames(*job.project, outcome.run);
    EXPECT_THAT(*names, IsSupersetOf({"perplexity/dense", "perplexity/sparsegpt 2:4",
                                      "relative error/sparsegpt 2:4/down_proj"}));
}

TEST(CompressKind, WhatIsKeptIsWhatWasMeasured) {
    VITRINE_SHARED_DATA(shared, "data/language_models");
    CompressJob job(shared.parent_path());
    Json recipe = job.recipe({{{"prune", "wanda"}}});
    recipe["settings"]["controls"] = false;
    const RunOutcome outcome = job.carryOut(recipe);
    ASSERT_EQ(outcome.run.status, RunStatus::Finished) << outcome.run.error;
    const auto folder = job.folder / "models" / "best";
    const auto model = loadLanguageModel(folder, {});
    ASSERT_TRUE(model) << model.error().text();
    const Json config = *readJsonFile(folder / "config.json");
    EXPECT_EQ(config["vitrine"]["plan"], "wanda 2:4");
    // The packed weights are the folder's dense ones, and the masks applied to the dense model give them too.
    const auto packed = CompressedWeights::load(folder / "compressed.safetensors");
    ASSERT_TRUE(packed) << packed.error().text();
    EXPECT_EQ(packed->layers.size(), 35u);
    const auto dense = loadLanguageModel(shared / "stories260K/stories260K.bin", {});
    NamedTensors weights;
    for (const auto& linear : (*dense)->decoder().linears())
        weights[(*dense)->decoder().linearName(linear->place()) + ".weight"] = linear->weight;
    const auto masks = MaskSet::load(job.fileOf(outcome.run, "wanda_2_4/masks.safetensors"));
    ASSERT_TRUE(masks) << masks.error().text();
    const auto applied = masks->applyTo(weights);
    ASSERT_TRUE(applied) << applied.error().text();
    for (const auto& linear : (*model)->decoder().linears()) {
        const auto name = (*model)->decoder().linearName(linear->place());
        EXPECT_TRUE(packed->layers.at(name).weight().equal(linear->weight)) << name;
        EXPECT_TRUE(weights.at(name + ".weight").equal(linear->weight)) << name;
    }
    // Another model refuses them.
    EXPECT_THAT(masks->applyTo(weights).error().text(), HasSubstr("made for other weights"));
}

TEST(CompressKind, AStoppedRunGoesOnToTheSameResult) {
    VITRINE_SHARED_DATA(shared, "data/language_models");
    CompressJob job(shared.parent_path());
    const Json recipe = job.recipe({{{"prune", "magnitude"}}, {{"prune", "sparsegpt"}}});
    const RunOutcome whole = job.carryOut(recipe);
    ASSERT_EQ(whole.run.status, RunStatus::Finished) << whole.run.error;
    std::stop_source stop;
    RunnerOptions options;
    options.handleSignals = false;
    options.stop = stop.get_token();
    int compressions = 0;
    std::string stage;
    options.onProgress = [&](const Progress& progress) {
        if (progress.stage == stage)
            return;
        stage = progress.stage;
        if (stage == "compressing blocks" && ++compressions == 2)
            stop.request_stop();
    };
    const auto stopped = runRecipe(*job.project, recipe, job.kinds, options);
    ASSERT_TRUE(stopped);
    ASSERT_EQ(stopped->run.status, RunStatus::Cancelled) << stopped->run.error;
    RunnerOptions plain;
    plain.handleSignals = false;
    const auto resumed = resumeRun(*job.project, stopped->run.id, job.kinds, plain);
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_EQ(resumed->run.status, RunStatus::Finished) << resumed->run.error;
    EXPECT_EQ(job.report(resumed->run).dump(), job.report(whole.run).dump());
    EXPECT_EQ(*resultHash(*job.project, resumed->run), *resultHash(*job.project, whole.run));
}

TEST(CompressKind, WhatCannotWorkIsSaid) {
    VITRINE_SHARED_DATA(shared, "data/language_models");
    CompressJob job(shared.parent_path());
    const auto errorOf = [&](const Json& recipe) { return job.carryOut(recipe).run.error; };
    EXPECT_THAT(errorOf(job.recipe({{{"low_rank", "eora"}, {"rank", 100}}})),
                HasSubstr("rank 100 is larger than the matrix of"));
    EXPECT_THAT(errorOf(job.recipe({{{"pattern", "3:5"}}})), HasSubstr("are no whole groups of 5"));
    EXPECT_THAT(errorOf(job.recipe({{{"pattern", "most"}}})), HasSubstr("such as 2:4 or 50%"));
    Json silent = job.recipe({{{"prune", "wanda"}}});
    silent["settings"]["evaluation"] = Json::array();
    EXPECT_THAT(errorOf(silent), HasSubstr("no text to evaluate on"));
    Json longer = job.recipe({{{"prune", "wanda"}}});
    longer["settings"]["length"] = 5000;
    EXPECT_THAT(errorOf(longer), HasSubstr("windows of 2 to 512 tokens, found 5000"));
    EXPECT_FALSE(std::filesystem::exists(job.folder / "models"));
}

}  // namespace
}  // namespace vitrine
