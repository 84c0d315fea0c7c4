// The jobs "train-sparse" and "train-incremental" as a user meets them.
#include "core/base/file.h"
#include "core/engine/train_incremental_kind.h"
#include "core/engine/train_sparse_kind.h"
#include "core/models/model.h"
#include "core/runs/recipe.h"
#include "core/runs/runner.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <stop_token>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct ClassifierKindsTest : ::testing::Test {
    ClassifierKindsTest() {
        kinds.add(trainSparseKind());
        kinds.add(trainIncrementalKind());
        auto opened = Project::openOrCreate(folder / "project");
        EXPECT_TRUE(opened);
        project.emplace(std::move(*opened));
    }
    static Json small() {
        return {{"side", 16},  {"scenes", 400},     {"width", 4},           {"blocks_per_stage", 1},
                {"batch", 16}, {"warmup_steps", 2}, {"checkpoint_every", 7}};
    }
    static Json sparse(int64_t steps) {
        Json settings = small();
        settings.update({{"steps", steps},
                         {"density", 0.2},
                         {"importance_steps", 3},
                         {"accuracy_steps", 2},
                         {"exploration_steps", 3},
                         {"evaluate_every", 10}});
        return settings;
    }
    static Json incremental() {
        Json settings = small();
        settings.update({{"chunks", 3}, {"epochs", 3}});
        return settings;
    }
    Result<Json> recipeOf(const std::string& kind, const Json& settings) const {
        return completeRecipe({{"kind", kind}, {"name", "test"}, {"seed", 4}, {"settings", settings}}, kinds,
                              "test");
    }
    RunOutcome run(const std::string& kind, const Json& settings, RunnerOptions options = {}) {
        const auto recipe = recipeOf(kind, settings);
        EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
        options.handleSignals = options.controlSocket = false;
        auto outcome = runRecipe(*project, *recipe, kinds, options);
        EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
        return std::move(*outcome);
    }
    // Stopped after so many steps of training and gone on with; its result hash.
    std::string stoppedAndResumed(const std::string& kind, const Json& settings, int64_t after,
                                  std::string* id = nullptr) {
        std::stop_source stop;
        RunnerOptions options;
        options.stop = stop.get_token();
        options.onProgress = [&](const Progress& progress) {
            if (progress.stage == "training" && progress.done >= after)
                stop.request_stop();
        };
        const RunOutcome stopped = run(kind, settings, options);
        EXPECT_TRUE(stopped.error);
        if (id)
            *id = stopped.run.id;
        RunnerOptions again;
        again.handleSignals = again.controlSocket = false;
        const auto resumed = resumeRun(*project, stopped.run.id, kinds, again);
        EXPECT_TRUE(resumed) << (resumed ? "" : resumed.error().text());
        EXPECT_FALSE(resumed->error) << resumed->error->text();
        return resumed->run.resultHash;
    }
    Json artifact(const vitrine::Run& made, const std::string& name) const {
        const auto artifacts = RunStore(*project).artifacts(made);
        EXPECT_TRUE(artifacts);
        for (const Artifact& each : *artifacts)
            if (each.name == name)
                return *readJsonFile(project->artifacts().pathOf(each.sha256));
        ADD_FAILURE() << "the run keeps no " << name;
        return {};
    }
    testing::TemporaryFolder folder;
    JobKinds kinds;
    std::optional<Project> project;
};

TEST_F(ClassifierKindsTest, SparseTrainingLeavesAModelItsMasksAndWhatBecameOfThem) {
    Json settings = sparse(40);
    settings["output"] = (folder / "model").string();
    const RunOutcome outcome = run("train-sparse", settings);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto model = loadModel(folder / "model", {});
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_NE((*model)->classifier(), nullptr);
    int64_t zeros = 0, all = 0;
    for (const auto& entry : (*model)->module()->named_parameters())
        if (entry.value().dim() > 1) {
            zeros += entry.value().eq(0).sum().item<int64_t>();
            all += entry.value().numel();
        }
    EXPECT_NEAR(double(zeros) / double(all), 0.8, 0.01);
    const Json config = *readJsonFile(folder / "model" / "config.json");
    EXPECT_EQ(config["vitrine"]["method"], "iee");
    EXPECT_EQ(config["vitrine"]["steps"], 40);
}

TEST_F(ClassifierKindsTest, StoppedRunsGoOnToTheSameResult) {
    const RunOutcome whole = run("train-sparse", sparse(60));
    ASSERT_FALSE(whole.error) << whole.error->text();
    EXPECT_EQ(stoppedAndResumed("train-sparse", sparse(60), 20), whole.run.resultHash);
    const RunOutcome chunks = run("train-incremental", incremental());
    ASSERT_FALSE(chunks.error) << chunks.error->text();
    EXPECT_EQ(stoppedAndResumed("train-incremental", incremental(), 18), chunks.run.resultHash);
    // In the middle of a chunk that is distilled, whose weights so far are counted.
    EXPECT_EQ(stoppedAndResumed("train-incremental", incremental(), 35), chunks.run.resultHash);
}

// With all of the dense network's time: a part that any machine's table, however noisy, leaves possible.
Json timed(Json settings) {
    settings.update({{"units", "channels"},
                     {"budget", "latency"},
                     {"latency", 1},
                     {"group", 8},
                     {"latency_batch", 32},
                     {"width", 16},
                     {"saliency", "taylor"}});
    return settings;
}

// A table as measured, with times that no machine's noise is in: they grow with the work.
Json withSmoothTimes(Json table) {
    table["outside_ms"] = 1;
    for (Json& layer : table["layers"])
        for (size_t row = 0; row < layer["ms"].size(); ++row)
            for (size_t column = 0; column < layer["ms"][row].size(); ++column)
                layer["ms"][row][column] =
                    0.1 + 0.01 * layer["inputs"][row].get<double>() * layer["outputs"][column].get<double>();
    return table;
}

// The table is measured once: what a resumed run does depends on the times of its beginning.
TEST_F(ClassifierKindsTest, ANetworkOfALatencyIsMeasuredAndAResumedRunKeepsItsTable) {
    const RunOutcome first = run("train-sparse", timed(sparse(60)));
    ASSERT_FALSE(first.error) << first.error->text();
    const Json times = artifact(first.run, "latency.json");
    for (const char* how : {"predicted", "measured"}) {
        EXPECT_GT(times[how]["ms"].get<double>(), 0);
        EXPECT_NEAR(times[how]["part"].get<double>(),
                    times[how]["ms"].get<double>() / times[how]["dense_ms"].get<double>(), 1e-12);
    }
    EXPECT_LE(times["predicted"]["part"].get<double>(), 1 + 1e-6);
    // A measured one is kept when the run stops, and used after.
    std::string stoppedRun;
    EXPECT_FALSE(stoppedAndResumed("train-sparse", timed(sparse(60)), 20, &stoppedRun).empty());
    const auto resumed = RunStore(*project).find(stoppedRun);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(artifact(*resumed, "latency_table.json"),
              *readJsonFile(project->runFolder(stoppedRun) / "checkpoint" / "latency_table.json"));
}

TEST_F(ClassifierKindsTest, ANetworkKeepsToTheLatencyOfAGivenTable) {
    const RunOutcome measured = run("train-sparse", timed(sparse(1)));
    ASSERT_FALSE(measured.error) << measured.error->text();
    const fs::path table = folder / "latency_table.json";
    ASSERT_TRUE(
        writeFileAtomically(table, withSmoothTimes(artifact(measured.run, "latency_table.json")).dump()));
    Json settings = timed(sparse(60));
    settings.update({{"latency", 0.6}, {"latency_table", table.string()}});
    const RunOutcome whole = run("train-sparse", settings);
    ASSERT_FALSE(whole.error) << whole.error->text();
    EXPECT_LE(artifact(whole.run, "latency.json")["predicted"]["part"].get<double>(), 0.6 + 1e-6);
    const Json report = artifact(whole.run, "sparse_training.json");
    for (const Json& layer : report["densities"]) {
        EXPECT_EQ(layer["in_use"].get<int64_t>() % 8, 0);
        EXPECT_FALSE(layer.contains("wanted"));
    }
    // The same again, and stopped and gone on with.
    const RunOutcome again = run("train-sparse", settings);
    ASSERT_FALSE(again.error) << again.error->text();
    EXPECT_EQ(artifact(again.run, "sparse_training.json"), report);
    EXPECT_EQ(stoppedAndResumed("train-sparse", settings, 20), whole.run.resultHash);
}

TEST_F(ClassifierKindsTest, SaysWhatALatencyCannotBe) {
    Json settings = timed(sparse(20));
    settings["latency"] = 0.01;
    EXPECT_THAT(run("train-sparse", settings).error->text(),
                AllOf(HasSubstr("settings.latency"), HasSubstr("1 % of the dense network's"),
                      HasSubstr("Raise it to")));
    settings["units"] = "weights";
    EXPECT_THAT(run("train-sparse", settings).error->text(), HasSubstr("settings.units to channels"));
    settings = timed(sparse(20));
    settings["latency_table"] = (folder / "nowhere.json").string();
    EXPECT_THAT(run("train-sparse", settings).error->text(), HasSubstr("nowhere.json"));
    const RunOutcome other = run("train-sparse", timed(sparse(1)));
    ASSERT_FALSE(other.error) << other.error->text();
    ASSERT_TRUE(
        writeFileAtomically(folder / "nowhere.json", artifact(other.run, "latency_table.json").dump()));
    settings["width"] = 12;
    EXPECT_THAT(run("train-sparse", settings).error->text(),
                AllOf(HasSubstr("layer1.0.conv1.weight"), HasSubstr("[16, 16, 3, 3]")));
}

TEST_F(ClassifierKindsTest, EveryChunkTellsHowFarTheNetworkWent) {
    const RunOutcome outcome = run("train-incremental", incremental());
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json rows = artifact(outcome.run, "incremental.json")["chunks"];
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_FALSE(rows[0].contains("line"));
    EXPECT_FALSE(rows[0].contains("distillation_weights"));
    for (const Json& row : rows) {
        EXPECT_EQ(row["channel_use"].size(), 16u);  // of the last stage
        EXPECT_EQ(artifact(outcome.run, fmt::format("chunks/chunk-{}.json", row["chunk"].get<int>())), row);
    }
    for (size_t chunk = 1; chunk < rows.size(); ++chunk) {
        ASSERT_EQ(rows[chunk]["layers"].size(), 3u);
        int64_t pictures = 0;  // of all steps of the chunk
        for (const char* side : {"right", "wrong"})
            for (const Json& count : rows[chunk]["distillation_weights"][side])
                pictures += count.get<int64_t>();
        EXPECT_EQ(pictures,
                  16 * (rows[chunk]["steps"].get<int64_t>() - rows[chunk - 1]["steps"].get<int64_t>()));
        EXPECT_EQ(rows[chunk]["layers"][2]["name"], "layer3.0");
        for (const Json& layer : rows[chunk]["layers"]) {
            EXPECT_GT(layer["similarity"].get<double>(), 0);
            EXPECT_LT(layer["similarity"].get<double>(), 1);  // every chunk moves every block
        }
    }
    // Where one chunk's line ends the next one's begins: the same network, the same pictures.
    EXPECT_DOUBLE_EQ(rows[1]["line"].back().get<double>(), rows[2]["line"].front().get<double>());
    EXPECT_NE(rows[2]["line"].front(), rows[2]["line"].back());
}

TEST_F(ClassifierKindsTest, ASparseNetworkIsRefreshedAndStaysSparse) {
    Json settings = sparse(20);
    settings["output"] = (folder / "sparse").string();
    ASSERT_FALSE(run("train-sparse", settings).error);
    Json refresh = incremental();
    refresh["begin_with"] = (folder / "sparse").string();
    refresh["output"] = (folder / "refreshed").string();
    const RunOutcome outcome = run("train-incremental", refresh);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto before = loadModel(folder / "sparse", {}), after = loadModel(folder / "refreshed", {});
    ASSERT_TRUE(before && after);
    const auto old = (*before)->module()->named_parameters();
    for (const auto& entry : (*after)->module()->named_parameters())
        if (entry.value().dim() > 1) {
            EXPECT_TRUE(at::equal(entry.value().eq(0), old[entry.key()].eq(0))) << entry.key();
            EXPECT_FALSE(at::equal(entry.value(), old[entry.key()])) << entry.key();
        }
    refresh["width"] = 6;
    const RunOutcome wrong = run("train-incremental", refresh);
    ASSERT_TRUE(wrong.error);
    EXPECT_THAT(wrong.error->text(), HasSubstr("conv1.weight"));
}

TEST_F(ClassifierKindsTest, TheProjectsRecipesAreWhole) {
    for (const char* name : {"iee.json", "iee_latency.json", "ckca.json"}) {
        const fs::path file = testing::sourceFolder() / "resources" / "recipes" / name;
        const auto json = readJsonFile(file);
        ASSERT_TRUE(json) << json.error().text();
        const auto recipe = completeRecipe(*json, kinds, file.string());
        EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
    }
}

TEST_F(ClassifierKindsTest, SaysWhatIsWrong) {
    Json settings = sparse(10);
    settings["pictures"] = (folder / "nowhere").string();
    EXPECT_THAT(run("train-sparse", settings).error->text(), HasSubstr("nowhere"));
    settings = sparse(10);
    settings["units"] = "channels";
    settings["method"] = "rigl";
    EXPECT_THAT(run("train-sparse", settings).error->text(), HasSubstr("RigL"));
    settings = incremental();
    settings["chunks"] = 200;
    EXPECT_THAT(run("train-incremental", settings).error->text(), HasSubstr("200 parts"));
    settings["method"] = "iee";
    EXPECT_FALSE(recipeOf("train-incremental", settings));
}

}  // namespace
}  // namespace vitrine
