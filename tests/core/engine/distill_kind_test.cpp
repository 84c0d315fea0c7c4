// The job "distill" as a user meets it: what it records, what it takes while it runs, how it fails.
#include "core/engine/distill_kind.h"

#include "core/distill/student.h"
#include "core/engine/step_failure.h"
#include "core/media/image_writer.h"
#include "core/models/model.h"
#include "core/runs/control_socket.h"
#include "core/runs/recipe.h"
#include "core/runs/run_context.h"
#include "core/runs/runner.h"
#include "core/runs/series.h"
#include "tests/core/distill/small_efficientnet.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using testing::TemporaryFolder;

// Two small RADIO folders as teachers and six pictures.
struct DistillJobTest : ::testing::Test {
    DistillJobTest() {
        StudentOptions options;
        options.headCount = 2;
        options.patchSize = 8;
        options.positionGridSide = 4;
        options.preferredSide = 32;
        for (const auto& [name, width] : {std::pair{"loud", 24}, std::pair{"quiet", 16}}) {
            options.width = width;
            options.depth = 1;
            EXPECT_TRUE(writeStudentFolder(folder / name, *makeStudent(options, uint64_t(width)), options,
                                           at::kFloat));
        }
        std::filesystem::create_directory(folder / "pictures");
        for (int picture = 0; picture < 6; ++picture) {
            Image image({40, 36}, 3, SampleType::U8);
            for (int64_t y = 0; y < 36; ++y)
                for (int64_t x = 0; x < 120; ++x)
                    image.row<uint8_t>(y)[x] = uint8_t((x * (picture + 3) + y * 7 * picture) % 251);
            EXPECT_TRUE(writeImage(folder / "pictures" / fmt::format("p{}.png", picture), image));
        }
        auto made = Project::create(folder / "project");
        EXPECT_TRUE(made);
        project.emplace(std::move(*made));
        kinds.add(distillKind());
    }

    Json recipe(int64_t steps) const {
        return {{"kind", "distill"},
                {"seed", 3},
                {"settings",
                 {{"teachers",
                   {{{"name", "loud"}, {"model", (folder / "loud").string()}},
                    {{"name", "quiet"}, {"model", (folder / "quiet").string()}, {"summary", false}}}},
                  {"images", {(folder / "pictures").string()}},
                  {"student",
                   {{"width", 16}, {"depth", 2}, {"heads", 2}, {"patch_size", 8}, {"position_grid", 4}}},
                  {"partitions", {{{"sides", {32}}, {"batch", 4}}}},
                  {"steps", steps},
                  {"warmup_steps", 2},
                  {"statistics_batches", 20},
                  {"checkpoint_every", 4},
                  {"probe_every", 4}}}};
    }
    RunOutcome carryOut(const Json& recipe) {
        RunnerOptions options;
        options.handleSignals = false;
        auto outcome = runRecipe(*project, recipe, kinds, options);
        EXPECT_TRUE(outcome) << outcome.error().text();
        return std::move(*outcome);
    }
    std::vector<std::string> artifactNames(const vitrine::Run& run) const {
        std::vector<std::string> names;
        const auto artifacts = RunStore(*project).artifacts(run);
        for (const Artifact& artifact : *artifacts)
            names.push_back(fmt::format("{}@{}", artifact.name, artifact.step));
        return names;
    }

    TemporaryFolder folder;
    std::optional<Project> project;
    JobKinds kinds;
};

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 3000; ++i) {
        if (condition())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

TEST_F(DistillJobTest, ConvolutionalStudentOfALayerIsExportedInHalfPrecision) {
    testing::writeSmallEfficientNet(folder / "start.safetensors");
    Json wanted = recipe(3);
    Json& settings = wanted["settings"];
    settings["student"] = {{"trunk", "convolutional"},
                           {"start_from", (folder / "start.safetensors").string()},
                           {"trunk_rate", 0.1},
                           {"width", 16},
                           {"depth", 1},
                           {"patch_size", 8}};
    settings["teachers"][1]["layer"] = 0;
    settings["degrade"] = 0.5;
    settings["output_dtype"] = "bfloat16";
    settings["output"] = (folder / "student").string();
    const RunOutcome outcome = carryOut(wanted);
    ASSERT_EQ(outcome.run.status, RunStatus::Finished) << outcome.run.error;
    const auto source = openTensors(folder / "student" / "model.safetensors");
    ASSERT_TRUE(source);
    const TensorInfo* stem = (*source)->find("radio_model.model._conv_stem.weight");
    ASSERT_TRUE(stem);
    EXPECT_EQ(stem->dtype, DType::BF16);
    const auto model = loadModel(folder / "student", {});
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ((*model)->encoder()->info().adaptors, (std::vector<std::string>{"loud", "quiet"}));

    settings["teachers"][1]["layer"] = 7;
    EXPECT_THAT(carryOut(wanted).run.error, HasSubstr("layer"));
    settings["teachers"][1]["layer"] = 0;
    settings["window_sizes"] = {4};
    EXPECT_THAT(carryOut(wanted).run.error, HasSubstr("no attention windows"));
}

TEST_F(DistillJobTest, StudentsWithBatchNormalisationAreTrainedAndExported) {
    for (const char* trunk : {"eradio", "mambavision"}) {
        Json wanted = recipe(3);
        Json& settings = wanted["settings"];
        settings["student"] = {{"trunk", trunk}, {"variant", "tiny"}, {"spectral", true}};
        settings["partitions"] = {{{"sides", {32, 64}}, {"batch", 4}}};
        settings["output"] = (folder / trunk).string();
        const RunOutcome outcome = carryOut(wanted);
        ASSERT_EQ(outcome.run.status, RunStatus::Finished) << outcome.run.error;
        const auto model = loadModel(folder / trunk, {});
        ASSERT_TRUE(model) << model.error().text();
        EXPECT_EQ((*model)->encoder()->info().adaptors, (std::vector<std::string>{"loud", "quiet"}));

        settings["partitions"][0]["batch"] = 1;
        EXPECT_THAT(carryOut(wanted).run.error, HasSubstr("batch normalisation"));
        settings["partitions"] = {{{"sides", {48}}, {"batch", 4}}};
        EXPECT_THAT(carryOut(wanted).run.error, HasSubstr("stride of 32"));
        settings["partitions"] = {{{"sides", {64}}, {"batch", 4}}};
        settings["student"]["variant"] = "own";
        settings["student"]["width"] = 10;
        settings["student"]["depths"] = {1, 1, 1, 1};
        EXPECT_EQ(carryOut(wanted).run.status, RunStatus::Finished);
    }
    Json wanted = recipe(1);
    wanted["settings"]["student"] = {{"trunk", "eradio"}, {"variant", "S"}};
    EXPECT_THAT(carryOut(wanted).run.error, HasSubstr("tiny, XT, T, L"));
}

TEST_F(DistillJobTest, RecordsLossesPaceAndProbePictures) {
    const RunOutcome outcome = carryOut(recipe(6));
    ASSERT_EQ(outcome.run.status, RunStatus::Finished) << outcome.run.error;
    const auto names = metricNames(*project, outcome.run);
    ASSERT_TRUE(names);
    EXPECT_THAT(*names,
                IsSupersetOf({"loss", "loss/loud/summary", "loss/loud/features", "loss/quiet/features",
                              "share/loud", "share/quiet", "gradient norm", "learning rate",
                              "probe error/loud", "probe error/quiet", "time/pictures per second",
                              "time/step (s)", "time/stall share", "time/teacher share"}));
    // A teacher whose summary is not learned has no summary loss.
    EXPECT_EQ(std::count(names->begin(), names->end(), "loss/quiet/summary"), 0);
    const auto loud = readSeries(*project, outcome.run, "share/loud");
    const auto quiet = readSeries(*project, outcome.run, "share/quiet");
    ASSERT_EQ(loud->size(), 6u);
    for (size_t i = 0; i < 6; ++i)
        EXPECT_NEAR((*loud)[i].value + (*quiet)[i].value, 1, 1e-9);
    EXPECT_THAT(artifactNames(outcome.run),
                IsSupersetOf({"probe/1 p0/picture.png@0", "probe/1 p0/loud teacher.png@0",
                              "probe/1 p0/loud student.png@0", "probe/4 p3/quiet student.png@4",
                              "probe/4 p3/quiet student.png@6", "student/model.safetensors@-1"}));
}

TEST_F(DistillJobTest, TakesSettingsProbesAndSnapshotsWhileItIsPaused) {
    std::thread job([&] {
        auto own = Project::open(folder / "project");
        RunnerOptions options;
        options.handleSignals = false;
        (void)runRecipe(*own, recipe(100000), kinds, options);
    });
    const RunStore store(*project);
    std::filesystem::path socket;
    ASSERT_TRUE(eventually([&] {
        const auto run = store.find("last");
        if (!run)
            return false;
        socket = controlSocketPath(*project, run->id);
        const auto points = readSeries(*project, *run, "loss");
        return points && points->size() > 5;
    }));
    const auto run = store.find("last");
    const auto send = [&](const Json& request) { return sendControl(socket, request); };
    EXPECT_TRUE(send({{"command", "pause"}}));
    EXPECT_TRUE(eventually([&] { return store.find(run->id)->status == RunStatus::Paused; }));
    const int64_t step = readSeries(*project, *run, "loss")->back().step;
    EXPECT_TRUE(send({{"command", "do"}, {"action", "probe"}}));
    EXPECT_TRUE(send({{"command", "do"}, {"action", "export"}}));
    EXPECT_TRUE(eventually([&] {
        const auto names = artifactNames(*run);
        return std::count(names.begin(), names.end(),
                          fmt::format("student-snapshot/model.safetensors@{}", step)) &&
               std::count(names.begin(), names.end(), fmt::format("probe/2 p1/loud student.png@{}", step));
    }));
    const auto set = [&](const char* key, const Json& value) {
        return send({{"command", "set"}, {"key", key}, {"value", value}});
    };
    EXPECT_TRUE(set("teachers[1].feature_weight", 0));
    EXPECT_TRUE(set("learning_rate", 1e-5));
    EXPECT_TRUE(set("probe_images", {(folder / "pictures/p5.png").string()}));
    EXPECT_THAT(set("student.width", 32).error().text(), HasSubstr("fixed while the job runs"));
    EXPECT_THAT(set("mesa", 1).error().text(), HasSubstr("slow copy"));
    EXPECT_THAT(set("probe_images", {"/nowhere.png"}).error().text(), HasSubstr("no such picture"));
    EXPECT_TRUE(send({{"command", "resume"}}));
    EXPECT_TRUE(eventually([&] { return readSeries(*project, *run, "loss")->back().step > step + 8; }));
    EXPECT_TRUE(send({{"command", "stop"}}));
    job.join();
    // From the step after the change on.
    const auto value = [&](const char* metric, int64_t at) {
        return readSeries(*project, *run, metric, at, at)->at(0).value;
    };
    EXPECT_GT(value("share/quiet", step), 0.01);
    EXPECT_EQ(value("share/quiet", step + 1), 0);
    EXPECT_GT(value("learning rate", step), 1e-4);
    EXPECT_LE(value("learning rate", step + 1), 1e-5);
    const auto names = artifactNames(*run);
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), [](const std::string& name) {
        return name.starts_with("probe/1 p5/picture.png@");
    }));
    std::vector<std::string> keys;
    const auto events = store.events(*run);
    for (const RunEvent& event : *events)
        if (event.kind == "set")
            keys.push_back(event.data["key"]);
    EXPECT_EQ(keys,
              (std::vector<std::string>{"teachers[1].feature_weight", "learning_rate", "probe_images"}));
}

TEST_F(DistillJobTest, NumbersThatAreNotFiniteAreExplained) {
    Json wild = recipe(40);
    wild["settings"]["learning_rate"] = 1e30;
    wild["settings"]["warmup_steps"] = 0;
    wild["settings"]["clip_norm"] = 0;
    const RunOutcome outcome = carryOut(wild);
    ASSERT_EQ(outcome.run.status, RunStatus::Failed);
    EXPECT_THAT(outcome.run.error, HasSubstr("not finite"));
    EXPECT_THAT(outcome.run.error, HasSubstr("last good one"));
    EXPECT_THAT(outcome.run.error, HasSubstr("the first tensor that is not finite: the student"));
    EXPECT_THAT(outcome.run.error, HasSubstr("Lower the learning rate"));
    const auto events = RunStore(*project).events(outcome.run);
    const auto failure = std::find_if(events->begin(), events->end(),
                                      [](const RunEvent& event) { return event.kind == "failure"; });
    ASSERT_NE(failure, events->end());
    EXPECT_EQ(failure->data["last_good_step"].get<int64_t>() + 1, failure->data["step"].get<int64_t>());
    EXPECT_THAT(failure->data["tensor"].get<std::string>(), HasSubstr("student"));
}

TEST(StepFailure, OutOfMemoryNamesTheLargestPartition) {
    const StepFailure failure{
        Error{ErrorCode::OutOfMemory, "not enough memory: tried to allocate 2 GB", "step 8", ""}, 7, {}};
    const Json settings =
        Json::parse(R"({"partitions": [{"sides": [128, 224], "batch": 16}, {"sides": [1024], "batch": 2}]})");
    const Error told = failure.explained(settings);
    EXPECT_THAT(told.message,
                HasSubstr("in step 8 (16 pictures of up to 224 pixels and 2 pictures of up to 1024 pixels"));
    EXPECT_THAT(told.message, HasSubstr("step 7 was the last good one"));
    EXPECT_THAT(told.hint, HasSubstr("settings.partitions[1].batch"));
    EXPECT_EQ(failure.toJson(settings)["code"], "out_of_memory");
    EXPECT_EQ(failure.toJson(settings)["remedy"], told.hint);
}

}  // namespace
}  // namespace vitrine
