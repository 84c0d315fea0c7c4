#include "core/runs/run_control.h"

#include "core/runs/control_socket.h"
#include "core/runs/process_usage.h"
#include "core/runs/run_context.h"
#include "core/runs/runner.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

Json schemaWithLive() {
    return Json::parse(R"({"type": "object", "properties": {
      "rate": {"type": "number", "default": 1, "live": true},
      "width": {"type": "integer", "default": 8},
      "parts": {"type": "array", "default": [], "items": {"type": "object", "properties": {
        "name": {"type": "string"}, "weight": {"type": "number", "live": true}}}}}})");
}

TEST(RunControl, OnlyLiveSettingsMayChange) {
    RunControl control("x", {{"rate", 1}, {"width", 8}, {"parts", {{{"name", "a"}, {"weight", 1}}}}},
                       schemaWithLive());
    EXPECT_TRUE(control.set("rate", 2));
    EXPECT_TRUE(control.set("settings.parts[0].weight", 0.5));
    const auto fixed = control.set("width", 16);
    ASSERT_FALSE(fixed);
    EXPECT_THAT(fixed.error().text(), HasSubstr("settings.width: this setting is fixed while the job runs"));
    EXPECT_THAT(fixed.error().text(), HasSubstr("rate, parts[].weight"));
    EXPECT_FALSE(control.set("parts[0].name", "b"));
    const auto misspelt = control.set("rat", 3);
    ASSERT_FALSE(misspelt);
    EXPECT_THAT(misspelt.error().text(), HasSubstr("Did you mean \"rate\"?"));
    Json settings;
    const auto changes = control.takeChanges(settings);
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes[0].before, 1);
    EXPECT_EQ(changes[1].before, 1);  // of a nested value too
    EXPECT_EQ(settings["parts"][0]["weight"], 0.5);
    EXPECT_EQ(settings["width"], 8);
}

TEST(RunControl, TheJobMayRefuseWhatFitsTheSchema) {
    RunControl control("x", {{"rate", 1}}, schemaWithLive());
    control.checkChanges([](const Json& settings) -> Result<void> {
        if (settings["rate"] > 5)
            return fail(ErrorCode::InvalidArgument, "too fast for this student");
        return {};
    });
    EXPECT_EQ(control.handle({{"command", "set"}, {"key", "rate"}, {"value", 6}})["error"]["message"],
              "too fast for this student");
    EXPECT_EQ(control.handle({{"command", "set"}, {"key", "rate"}, {"value", 5}})["ok"], true);
}

TEST(RunControl, ActionsAreThoseThatTheJobOffers) {
    RunControl control("x", Json::object(), schemaWithLive());
    EXPECT_THAT(control.request("export").error().text(), HasSubstr("offers none"));
    control.offer("export");
    control.offer("probe");
    EXPECT_THAT(control.request("exprt").error().text(), HasSubstr("Did you mean \"export\"?"));
    EXPECT_EQ(control.handle({{"command", "do"}, {"action", "export"}})["actions"],
              Json({"export", "probe"}));
    EXPECT_TRUE(control.request("probe"));
    EXPECT_TRUE(control.request("export"));  // still to be done: once
    EXPECT_EQ(control.takeActions(), (std::vector<std::string>{"export", "probe"}));
    EXPECT_TRUE(control.takeActions().empty());
}

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
        if (condition())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

// A job that counts until it is stopped, and offers to note how far it is.
JobKind countingKind() {
    JobKind kind;
    kind.name = "counting";
    kind.settingsSchema = schemaWithLive();
    kind.run = [](RunContext& run) -> Result<void> {
        int64_t step = 0;
        run.onAction("note", [&] {
            return run.putArtifact(fmt::format("note-{}", step), "x").map([](const auto&) {});
        });
        run.onAction("fail", []() -> Result<void> { return fail(ErrorCode::DiskFull, "no room"); });
        while (true) {
            VITRINE_TRY_VOID(run.pausePoint());
            ++step;
            run.metric("count", step, double(step));
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    };
    return kind;
}

TEST(RunContext, PausedJobsCarryOutActionsAndGoOn) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    std::thread job([&] {
        const auto project = Project::open(folder / "p");
        JobKinds kinds;
        kinds.add(countingKind());
        RunnerOptions options;
        options.handleSignals = false;
        (void)runRecipe(*project, {{"kind", "counting"}}, kinds, options);
    });
    const auto project = Project::open(folder / "p");
    const RunStore store(*project);
    std::filesystem::path socket;
    EXPECT_TRUE(eventually([&] {
        const auto run = store.find("last");
        if (!run)
            return false;
        socket = controlSocketPath(*project, run->id);
        const auto status = sendControl(socket, {{"command", "status"}});
        return status && (*status)["actions"].size() == 2;
    }));
    const auto run = store.find("last");
    const auto count = [&](const std::string& kind) {
        const auto events = store.events(*run);
        return std::count_if(events->begin(), events->end(),
                             [&](const RunEvent& event) { return event.kind == kind; });
    };
    EXPECT_TRUE(sendControl(socket, {{"command", "pause"}}));
    EXPECT_TRUE(eventually([&] { return store.find(run->id)->status == RunStatus::Paused; }));
    EXPECT_TRUE(sendControl(socket, {{"command", "do"}, {"action", "note"}}));
    EXPECT_TRUE(eventually([&] { return store.artifacts(*run)->size() == 1; }));
    EXPECT_TRUE(sendControl(socket, {{"command", "do"}, {"action", "fail"}}));
    EXPECT_TRUE(eventually([&] { return count("action") == 2; }));
    const auto events = store.events(*run);
    EXPECT_EQ(events->back().data["error"], "no room");
    EXPECT_EQ(store.find(run->id)->status, RunStatus::Paused);
    EXPECT_TRUE(sendControl(socket, {{"command", "resume"}}));
    EXPECT_TRUE(eventually([&] { return count("resumed") == 1; }));
    EXPECT_EQ(count("paused"), 1);
    EXPECT_TRUE(sendControl(socket, {{"command", "stop"}}));
    job.join();
    EXPECT_EQ(store.find(run->id)->status, RunStatus::Cancelled);
}

// Counts to its setting "steps", and fails while the rate is too high.
JobKind moodyKind() {
    JobKind kind;
    kind.name = "moody";
    kind.settingsSchema = schemaWithLive();
    kind.run = [](RunContext& run) -> Result<void> {
        VITRINE_TRY_VOID(run.pausePoint());
        if (run.settings()["rate"] > 1)
            return fail(ErrorCode::InvalidArgument, "too fast");
        return {};
    };
    return kind;
}

TEST(RunContext, AFailedRunIsResumedWithOtherSettings) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    JobKinds kinds;
    kinds.add(moodyKind());
    RunnerOptions options;
    options.handleSignals = options.controlSocket = false;
    const auto failed = runRecipe(*project, {{"kind", "moody"}, {"settings", {{"rate", 2}}}}, kinds, options);
    ASSERT_EQ(failed->run.status, RunStatus::Failed);
    options.sets = {"width=4"};
    const auto fixed = resumeRun(*project, failed->run.id, kinds, options);
    ASSERT_TRUE(fixed->error);
    EXPECT_THAT(fixed->error->text(), HasSubstr("fixed while the job runs"));
    options.sets = {"rate"};
    EXPECT_THAT(resumeRun(*project, failed->run.id, kinds, options)->error->text(),
                HasSubstr("cannot read --set"));
    options.sets = {"settings.rate=0.5"};
    const auto resumed = resumeRun(*project, failed->run.id, kinds, options);
    ASSERT_EQ(resumed->run.status, RunStatus::Finished) << resumed->run.error;
    const auto events = RunStore(*project).events(resumed->run);
    EXPECT_EQ(
        std::count_if(events->begin(), events->end(),
                      [](const RunEvent& event) { return event.kind == "set" && event.data["before"] == 2; }),
        1);
}

TEST(ProcessUsage, SeesWhatThisProcessTakes) {
    const ProcessUsage before = processUsage();
    EXPECT_GT(before.residentBytes, 1'000'000);
    EXPECT_GE(before.peakBytes, before.residentBytes);
    UsageMeter meter;
    EXPECT_TRUE(meter.look(60).empty());
    std::vector<char> memory(64 << 20, 1);
    volatile double sum = 0;
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(150))
        sum = sum + double(memory[size_t(sum) % memory.size()]);
    const ProcessUsage after = processUsage();
    EXPECT_GT(after.residentBytes, before.residentBytes + (60 << 20));
    EXPECT_GT(after.cpuSeconds, before.cpuSeconds + 0.05);
    const auto found = meter.look(0.1);
    ASSERT_GE(found.size(), 5u);
    EXPECT_EQ(found[2].first, "system/cpu (cores)");
    EXPECT_GT(found[2].second, 0.2);
    EXPECT_LT(found[2].second, 3);
}

TEST(ProcessUsage, NoGpuWithoutANumber) {
    EXPECT_FALSE(gpuUsage(-1));
    if (const auto gpu = gpuUsage(0)) {
        EXPECT_GT(gpu->totalBytes, gpu->usedBytes);
        EXPECT_LE(gpu->busyShare, 1);
    }
}

}  // namespace
}  // namespace vitrine
