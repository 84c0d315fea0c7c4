#include "core/runs/runner.h"

#include "core/base/file.h"
#include "core/runs/control_socket.h"
#include "core/runs/run_context.h"
#include "core/runs/series.h"
#include "tests/core/runs/selftest_only.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::selftestOnly;
using testing::TemporaryFolder;

Json recipeOf(int64_t steps, double pauseMs = 0, int64_t seed = 7) {
    return {{"kind", "selftest"},
            {"seed", seed},
            {"settings",
             {{"steps", steps}, {"samples_per_step", 1000}, {"checkpoint_every", 3}, {"pause_ms", pauseMs}}}};
}

// Waits for `condition` at most five seconds.
bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
        if (condition())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

// A process of its own that carries `recipe`, or goes on with `resumeId`.
pid_t startChild(const std::filesystem::path& folder, const Json& recipe, const std::string& resumeId = {}) {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto project = Project::open(folder);
        const JobKinds kinds = selftestOnly();
        if (!project)
            ::_exit(3);
        const auto outcome = resumeId.empty() ? runRecipe(*project, recipe, kinds, {})
                                              : resumeRun(*project, resumeId, kinds, {});
        ::_exit(!outcome ? 2 : outcome->error ? 1 : 0);
    }
    return child;
}

TEST(Runner, RecordsEverythingAboutARun) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    ASSERT_TRUE(project);
    const auto outcome = runRecipe(*project, recipeOf(20), selftestOnly(), {});
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_FALSE(outcome->error);
    const auto& run = outcome->run;
    EXPECT_EQ(run.status, RunStatus::Finished);
    EXPECT_GE(run.ended, run.started);
    EXPECT_EQ(run.resultHash.size(), 64u);
    RunStore store(*project);
    EXPECT_EQ(readSeries(*project, run, "pi")->size(), 20u);
    EXPECT_NEAR(readSeries(*project, run, "pi")->back().value, 3.14159, 0.1);
    EXPECT_EQ((*store.params(run))["settings.steps"], 20);
    const Json environment = *store.environment(run);
    EXPECT_FALSE(environment["host"].get<std::string>().empty());
    EXPECT_GT(environment["memory_bytes"].get<int64_t>(), 0);
    const auto artifacts = store.artifacts(run);
    ASSERT_EQ(artifacts->size(), 1u);
    EXPECT_EQ((*artifacts)[0].mediaType, "application/json");
    EXPECT_THAT(*project->artifacts().read((*artifacts)[0].sha256), HasSubstr("\"points\": 20000"));
    EXPECT_EQ(store.lineage(run)->size(), 1u);
}

TEST(Runner, SameSeedSameHashOtherSeedOtherHash) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    const auto a = runRecipe(*project, recipeOf(10), selftestOnly(), {});
    const auto b = runRecipe(*project, recipeOf(10), selftestOnly(), {});
    const auto c = runRecipe(*project, recipeOf(10, 0, 8), selftestOnly(), {});
    EXPECT_EQ(a->run.resultHash, b->run.resultHash);
    EXPECT_NE(a->run.resultHash, c->run.resultHash);
    EXPECT_NE(a->run.id, b->run.id);
}

TEST(Runner, FailuresAndExceptionsEndAsFailed) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    JobKinds kinds;
    JobKind throwing;
    throwing.name = "throwing";
    throwing.run = [](RunContext& context) -> Result<void> {
        context.metric("seen", 1, 5);
        throw std::runtime_error("it broke");
    };
    kinds.add(throwing);
    const auto outcome = runRecipe(*project, {{"kind", "throwing"}}, kinds, {});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->run.status, RunStatus::Failed);
    EXPECT_THAT(outcome->run.error, HasSubstr("it broke"));
    EXPECT_EQ(readSeries(*project, outcome->run, "seen")->size(), 1u);
}

TEST(Runner, KillAndResumeGivesTheSameResult) {
    TemporaryFolder folder;
    std::string expected;
    {
        const auto project = Project::create(folder / "p");
        const auto whole = runRecipe(*project, recipeOf(200, 3), selftestOnly(), {});
        ASSERT_TRUE(whole);
        expected = whole->run.resultHash;
    }
    std::string id;
    for (int round = 0; round < 3; ++round) {  // killed three times over
        const pid_t child = startChild(folder / "p", recipeOf(200, 3), id);
        std::this_thread::sleep_for(std::chrono::milliseconds(110 + 13 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        const auto project = Project::open(folder / "p");
        ASSERT_TRUE(project) << project.error().text();
        EXPECT_TRUE(project->checkIntegrity()->empty());
        const auto run = RunStore(*project).find("last");
        EXPECT_EQ(run->status, RunStatus::Interrupted);
        if (!id.empty()) {
            EXPECT_EQ(run->id, id);
        }
        id = run->id;
    }
    const auto project = Project::open(folder / "p");
    const auto resumed = resumeRun(*project, id, selftestOnly(), {});
    ASSERT_TRUE(resumed) << resumed.error().text();
    EXPECT_EQ(resumed->run.status, RunStatus::Finished);
    EXPECT_EQ(resumed->run.resultHash, expected);
    EXPECT_EQ(readSeries(*project, resumed->run, "pi")->size(), 200u);
    EXPECT_EQ(resumeRun(*project, id, selftestOnly(), {}).error().code, ErrorCode::InvalidArgument);
}

// A kill within a write leaves a file under the temporary name of that process.
TEST(Runner, AResumedRunRemovesWhatItsKilledProcessLeftHalfWritten) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    const pid_t child = startChild(folder / "p", recipeOf(300, 3));
    std::string id;
    {
        const auto project = Project::open(folder / "p");
        EXPECT_TRUE(eventually([&] {
            const auto run = RunStore(*project).find("last");
            id = run ? run->id : "";
            return run && std::filesystem::exists(project->runFolder(id) / "checkpoint" / "state.json");
        }));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto project = Project::open(folder / "p");
    ASSERT_TRUE(project);
    const auto leave = [&](const std::filesystem::path& file, pid_t writer) {
        std::filesystem::create_directories(file.parent_path());
        std::filesystem::path piece = file;
        piece += fmt::format(".{}-3.tmp", writer);
        EXPECT_TRUE(writeFileAtomically(piece, "half"));
        return piece;
    };
    const auto state = leave(project->runFolder(id) / "checkpoint" / "state.json", child),
               artifact = leave(project->folder() / "artifacts" / "ab" / "abc", child),
               living = leave(project->folder() / "artifacts" / "ab" / "abc", ::getpid()),
               other = leave(project->runFolder("another") / "checkpoint" / "state.json", child),
               plain = leave(project->folder() / "notes", 0);
    const auto resumed = resumeRun(*project, id, selftestOnly(), {});
    ASSERT_TRUE(resumed) << resumed.error().text();
    EXPECT_EQ(resumed->run.status, RunStatus::Finished) << resumed->run.error;
    EXPECT_FALSE(std::filesystem::exists(state));
    EXPECT_FALSE(std::filesystem::exists(artifact));
    EXPECT_TRUE(std::filesystem::exists(living)) << "its process may still be writing it";
    EXPECT_TRUE(std::filesystem::exists(other)) << "each run looks after its own folder";
    EXPECT_TRUE(std::filesystem::exists(plain)) << "no process wrote it";
}

TEST(Runner, TerminateCancelsGracefully) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    const pid_t child = startChild(folder / "p", recipeOf(1000, 5));
    const auto project = Project::open(folder / "p");
    RunStore store(*project);
    ASSERT_TRUE(eventually([&] {
        const auto run = store.find("last");
        return run && run->status == RunStatus::Running && !readSeries(*project, *run, "pi")->empty();
    }));
    EXPECT_EQ(resumeRun(*project, "last", selftestOnly(), {}).error().code, ErrorCode::Busy);
    ::kill(child, SIGTERM);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 1);
    EXPECT_EQ(store.find("last")->status, RunStatus::Cancelled);
}

TEST(Runner, ACancelledRunSaysHowToGoOn) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    ASSERT_TRUE(project);
    std::stop_source stop;
    stop.request_stop();
    RunnerOptions options;
    options.stop = stop.get_token();
    const auto outcome = runRecipe(*project, recipeOf(1000, 5), selftestOnly(), options);
    ASSERT_TRUE(outcome) << outcome.error().text();
    ASSERT_TRUE(outcome->error);
    EXPECT_EQ(outcome->failure().code, ErrorCode::Cancelled);
    EXPECT_THAT(outcome->failure().text(), HasSubstr("vitrine run --resume " + outcome->run.id));
}

TEST(Runner, PauseSetAndStopOverTheSocket) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    const pid_t child = startChild(folder / "p", recipeOf(2000, 5));
    const auto project = Project::open(folder / "p");
    RunStore store(*project);
    ASSERT_TRUE(eventually([&] {
        const auto run = store.find("last");
        return run && sendControl(controlSocketPath(*project, run->id), {{"command", "status"}}).has_value();
    }));
    const auto run = *store.find("last");
    const auto socket = controlSocketPath(*project, run.id);
    const auto send = [&](const Json& request) { return sendControl(socket, request); };
    struct stat info {};
    ASSERT_EQ(::stat(socket.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_EQ((*send({{"command", "pause"}}))["status"], "paused");
    EXPECT_TRUE(eventually([&] { return store.find(run.id)->status == RunStatus::Paused; }));
    const int64_t done = (*send({{"command", "status"}}))["progress"]["done"];
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ((*send({{"command", "status"}}))["progress"]["done"], done);
    const auto refused = send({{"command", "set"}, {"key", "settings.pause_mz"}, {"value", 1}});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("pause_ms"));
    EXPECT_FALSE(send({{"command", "set"}, {"key", "steps"}, {"value", -1}}));
    EXPECT_FALSE(send({{"command", "dance"}}));
    ASSERT_TRUE(send({{"command", "set"}, {"key", "settings.pause_ms"}, {"value", 1}}));
    EXPECT_EQ((*send({{"command", "resume"}}))["status"], "running");
    EXPECT_TRUE(eventually([&] {
        const auto events = store.events(run);
        for (const RunEvent& event : *events)
            if (event.kind == "set" && event.data["key"] == "pause_ms" && event.data["before"] == 5)
                return true;
        return false;
    }));
    EXPECT_EQ((*send({{"command", "probe"}}))["settings"]["pause_ms"], 1);
    ASSERT_TRUE(send({{"command", "stop"}}));
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(store.find(run.id)->status, RunStatus::Cancelled);
    EXPECT_EQ(send({{"command", "status"}}).error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace vitrine
