#include "app/desktop/distill/distill_questions.h"

#include "core/base/file.h"
#include "core/runs/metric_writer.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using testing::TemporaryFolder;

struct DistillQuestions : ::testing::Test {
    DistillQuestions() {
        auto made = Project::create(folder / "p");
        EXPECT_TRUE(made);
        project.emplace(std::move(*made));
    }
    vitrine::Run makeRun(const char* name, const char* kind = "distill") {
        NewRun fresh;
        fresh.name = name;
        fresh.kind = kind;
        fresh.recipe = {
            {"kind", kind},
            {"settings",
             {{"teachers", {{{"name", "a"}}, {{"name", "b"}}}}, {"steps", 40}, {"learning_rate", 1}}}};
        auto run = RunStore(*project).create(fresh);
        EXPECT_TRUE(run);
        return *run;
    }
    void record(const vitrine::Run& run, int64_t first, int64_t last, double value) {
        auto writer = MetricWriter::open(*project, run);
        ASSERT_TRUE(writer);
        for (int64_t step = first; step <= last; ++step)
            (*writer)->add("loss", step, value);
        ASSERT_TRUE((*writer)->flush());
    }
    void store(const vitrine::Run& run, const std::string& name, int64_t step, const std::string& content) {
        const auto stored = project->artifacts().putBytes(content);
        ASSERT_TRUE(stored);
        ASSERT_TRUE(RunStore(*project).addArtifact(
            run, {0, name, "file", step, stored->sha256, stored->bytes, "", Json::object(), 1}));
    }
    TemporaryFolder folder;
    std::optional<Project> project;
};

TEST_F(DistillQuestions, ListsDistillationsWithHowFarTheyAre) {
    makeRun("other", "selftest");
    const vitrine::Run run = makeRun("student");
    EXPECT_TRUE(std::isnan(distillRuns(*project)->at(0).loss));
    record(run, 1, 12, 0.25);
    const auto runs = distillRuns(*project);
    ASSERT_TRUE(runs) << runs.error().text();
    ASSERT_EQ(runs->size(), 1u);
    EXPECT_EQ(runs->at(0).teachers, (QStringList{"a", "b"}));
    EXPECT_EQ(runs->at(0).step, 12);
    EXPECT_EQ(runs->at(0).steps, 40);
    EXPECT_EQ(runs->at(0).loss, 0.25);
}

TEST_F(DistillQuestions, ReadsOnlyWhatIsNewUntilTheRunIsContinued) {
    const vitrine::Run run = makeRun("student");
    record(run, 1, 5, 1);
    const auto first = cockpitRun(*project, run.id, nullptr);
    ASSERT_TRUE(first) << first.error().text();
    EXPECT_EQ((*first)->step(), 5);
    const auto same = cockpitRun(*project, run.id, *first);
    EXPECT_EQ((*same)->series.at("loss"), (*first)->series.at("loss"));  // not read again
    record(run, 6, 8, 2);
    const auto more = cockpitRun(*project, run.id, *first);
    ASSERT_EQ((*more)->points("loss")->size(), 8u);
    EXPECT_EQ((*more)->points("loss")->back().value, 2);
    // A resumed run repeats steps: the old points are not kept.
    record(run, 6, 7, 3);
    ASSERT_TRUE(RunStore(*project).addEvent(run, "continued", Json::object()));
    const auto resumed = cockpitRun(*project, run.id, *more);
    EXPECT_EQ((*resumed)->points("loss")->at(5).value, 3);
}

TEST_F(DistillQuestions, SettingsInForceAreThoseOfTheCheckpoint) {
    const vitrine::Run run = makeRun("student");
    EXPECT_EQ((*cockpitRun(*project, run.id, nullptr))->settings["learning_rate"], 1);
    EXPECT_EQ((*cockpitRun(*project, run.id, nullptr))->checkpointStep, -1);
    const auto checkpoint = project->runFolder(run.id) / "checkpoint";
    std::filesystem::create_directories(checkpoint);
    ASSERT_TRUE(writeFileAtomically(checkpoint / "state.json",
                                    R"({"state": {"step": 20}, "settings": {"learning_rate": 0.5}})"));
    const auto shown = cockpitRun(*project, run.id, nullptr);
    EXPECT_EQ((*shown)->checkpointStep, 20);
    EXPECT_EQ((*shown)->settings["learning_rate"], 0.5);
    ASSERT_TRUE(writeFileAtomically(checkpoint / "state.json", "[[["));
    EXPECT_EQ((*cockpitRun(*project, run.id, nullptr))->settings["learning_rate"], 1);
}

TEST_F(DistillQuestions, ExportsTheNewestWholeStudent) {
    const vitrine::Run run = makeRun("student");
    const auto exported = [&] {
        const auto shown = cockpitRun(*project, run.id, nullptr);
        return exportStudentFolder(*project, **shown, folder / "out");
    };
    EXPECT_EQ(exported().error().code, ErrorCode::NotFound);
    for (const char* file : {"config.json", "preprocessor_config.json", "model.safetensors"})
        for (const int64_t step : {4, 9})
            store(run, std::string("student-snapshot/") + file, step, fmt::format("{} {}", file, step));
    store(run, "student-snapshot/config.json", 12, "half of a later one");
    ASSERT_TRUE(exported());
    EXPECT_EQ(*readFile(folder / "out/model.safetensors", 100), "model.safetensors 9");
    EXPECT_EQ(*readFile(folder / "out/config.json", 100), "config.json 9");
    for (const char* file : {"config.json", "preprocessor_config.json", "model.safetensors"})
        store(run, std::string("student/") + file, -1, "the end");
    ASSERT_TRUE(exported());
    EXPECT_EQ(*readFile(folder / "out/model.safetensors", 100), "the end");
}

}  // namespace
}  // namespace vitrine
