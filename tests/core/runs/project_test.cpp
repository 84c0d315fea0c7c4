#include "core/runs/project.h"

#include "core/base/file.h"
#include "core/runs/metric_writer.h"
#include "core/runs/migrations.h"
#include "core/runs/run_query.h"
#include "core/runs/run_store.h"
#include "core/runs/series.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using ::testing::UnorderedElementsAre;

NewRun named(const std::string& name) {
    NewRun run;
    run.name = name;
    run.kind = "train";
    run.recipe = {{"kind", "train"}, {"settings", {{"lr", 0.5}}}};
    return run;
}

// Runs `body` in a child process; its result is the child's exit status, or -1 if it was killed.
pid_t inChild(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(body());
    return child;
}
int exitOf(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Project, CreatesOpensAndRefusesTwice) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "a/b", "mine"));
    const auto project = Project::open(folder / "a/b");
    ASSERT_TRUE(project) << project.error().text();
    EXPECT_EQ(project->name(), "mine");
    EXPECT_GT(project->created(), 1.6e9);
    EXPECT_EQ(textOf(*project->database().scalar("PRAGMA journal_mode")), "wal");
    EXPECT_EQ(Project::create(folder / "a/b").error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(Project::open(folder / "none").error().code, ErrorCode::NotFound);
}

void expectMigrated(int version) {
    TemporaryFolder folder;
    fs::copy_file(testing::dataFolder() / fmt::format("runs/version{}.db", version), folder / "vitrine.db");
    fs::permissions(folder / "vitrine.db", fs::perms::owner_read | fs::perms::owner_write);
    const auto project = Project::open(folder.path());
    ASSERT_TRUE(project) << project.error().text();
    EXPECT_EQ(*schemaVersion(project->database()), kSchemaVersion);
    EXPECT_TRUE(project->checkIntegrity()->empty());
    RunStore store(*project);
    const auto run = *store.find("old1");
    EXPECT_EQ(run.seed, 3);
    EXPECT_EQ(run.device, "cpu");
    EXPECT_EQ(run.created, 1600000000.5);
    const Json params = *store.params(run);
    EXPECT_EQ(params["lr"], 0.25);
    EXPECT_EQ(params["steps"], 10);
    EXPECT_EQ(params["opt"], "adam");
    EXPECT_EQ(params["flag"], "true");
    EXPECT_EQ(params["layers"], "[1,2]");
    EXPECT_EQ(params["plain"], "no quotes");
    EXPECT_TRUE(params["none"].is_null());
    const auto loss = *readSeries(*project, run, "loss");
    ASSERT_EQ(loss.size(), 10u);
    EXPECT_EQ(loss[3].value, 42);  // logged twice: the later one counts
    EXPECT_EQ(columnValues(*project, "metrics.loss")->at(run.number), SqlValue(0.1));
    const auto second = *store.find("old2");
    EXPECT_EQ(second.status, RunStatus::Interrupted);  // a status that no longer exists
    EXPECT_EQ(second.error, "lost");
    EXPECT_EQ((*store.artifacts(run))[version - 1].name, "out.txt");
    if (version == 2) {
        EXPECT_THAT(run.tags, UnorderedElementsAre("best", "keep"));
        EXPECT_TRUE(run.starred);
        EXPECT_GT(second.deletedAt, 0);
        EXPECT_EQ((*store.artifacts(run))[0].step, 5);
        EXPECT_EQ((*store.events(run))[0].data["key"], "lr");
    }
    EXPECT_TRUE(store.create(named("new")));
}

TEST(Project, MigratesVersion1) {
    expectMigrated(1);
}
TEST(Project, MigratesVersion2) {
    expectMigrated(2);
}

TEST(Project, NewerVersionSaysWhoMadeIt) {
    TemporaryFolder folder;
    {
        const auto project = Project::create(folder / "p");
        ASSERT_TRUE(project->database().script(
            "UPDATE meta SET value='vitrine 9.1.0' WHERE key='written_by'; PRAGMA user_version=99"));
    }
    for (const auto access : {Project::Access::ReadWrite, Project::Access::ReadOnly}) {
        const auto project = Project::open(folder / "p", access);
        ASSERT_FALSE(project);
        EXPECT_EQ(project.error().code, ErrorCode::Unsupported);
        EXPECT_THAT(project.error().text(), HasSubstr("vitrine 9.1.0"));
        EXPECT_THAT(project.error().text(), HasSubstr("99"));
    }
}

TEST(Project, LockedNamesTheHolder) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = inChild([&] {
        auto database = Database::open(folder / "p/vitrine.db", Database::Mode::ReadWrite);
        if (!database || !database->script("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE"))
            return 1;
        (void)!::write(ready[1], "x", 1);
        ::pause();
        return 0;
    });
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    const auto project = Project::open(folder / "p");
    ::kill(child, SIGKILL);
    exitOf(child);
    ASSERT_FALSE(project);
    EXPECT_EQ(project.error().code, ErrorCode::Busy);
    EXPECT_THAT(project.error().text(), HasSubstr(fmt::format("(pid {})", child)));
    EXPECT_TRUE(Project::open(folder / "p"));
}

TEST(Project, DamagedFilesAreNamedAsSuch) {
    TemporaryFolder folder;
    fs::create_directories(folder / "p");
    ASSERT_TRUE(writeFileAtomically(folder / "p/vitrine.db", std::string(8192, 'x')));
    const auto noDatabase = Project::open(folder / "p");
    ASSERT_FALSE(noDatabase);
    EXPECT_EQ(noDatabase.error().code, ErrorCode::InvalidFile);
    EXPECT_THAT(noDatabase.error().text(), HasSubstr("not a database"));

    {
        const auto project = Project::create(folder / "q");
        for (int i = 0; i < 50; ++i)
            ASSERT_TRUE(RunStore(*project).create(named(std::string(300, 'n'))));
        ASSERT_TRUE(project->database().script("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    std::string bytes = *readFile(folder / "q/vitrine.db");
    for (size_t i = 8192; i < bytes.size(); ++i)  // every page but the first two
        bytes[i] = char(i * 31);
    ASSERT_TRUE(writeFileAtomically(folder / "q/vitrine.db", bytes));
    const auto damaged = Project::open(folder / "q");
    if (damaged) {
        const auto problems = damaged->checkIntegrity();
        EXPECT_TRUE(!problems || !problems->empty());
    } else {
        EXPECT_EQ(damaged.error().code, ErrorCode::InvalidFile) << damaged.error().text();
    }
    ASSERT_TRUE(Project::create(folder / "r"));
    ASSERT_TRUE(writeFileAtomically(folder / "r/project.json", "{\"name\": "));
    EXPECT_FALSE(Project::open(folder / "r"));
}

TEST(Project, ReadOnlyFolderCanBeRead) {
    TemporaryFolder folder;
    {
        const auto project = Project::create(folder / "p");
        ASSERT_TRUE(RunStore(*project).create(named("kept")));
    }
    fs::permissions(folder.path(), fs::perms(0755));
    fs::permissions(folder / "p", fs::perms(0555));
    fs::permissions(folder / "p/vitrine.db", fs::perms(0444));
    const pid_t child = inChild([&] {
        if (::geteuid() == 0 && ::setuid(65534) != 0)  // root may write everywhere
            return 10;
        const auto project = Project::open(folder / "p");
        if (!project)
            return 11;
        if (!project->readOnly())
            return 12;
        const auto rows = listRuns(*project, {});
        if (!rows || rows->size() != 1 || (*rows)[0].run.name != "kept")
            return 13;
        const auto refused = RunStore(*project).create(named("new"));
        return !refused && refused.error().code == ErrorCode::PermissionDenied ? 0 : 14;
    });
    EXPECT_EQ(exitOf(child), 0);
    fs::permissions(folder / "p", fs::perms(0755));
    const auto asked = Project::open(folder / "p", Project::Access::ReadOnly);
    ASSERT_TRUE(asked) << asked.error().text();
    EXPECT_TRUE(asked->readOnly());
}

TEST(Project, EightProcessesWriteAtOnce) {
    constexpr int kProcesses = 8;
    constexpr int kRuns = 5;
    constexpr int kPoints = 2000;
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    std::vector<pid_t> children;
    for (int p = 0; p < kProcesses; ++p)
        children.push_back(inChild([&] {
            const auto project = Project::open(folder / "p");
            if (!project)
                return 1;
            RunStore store(*project);
            for (int r = 0; r < kRuns; ++r) {
                const auto run = store.create(named(fmt::format("{}-{}", p, r)));
                if (!run)
                    return 2;
                auto writer = MetricWriter::open(*project, *run);
                for (int i = 0; i < kPoints; ++i)
                    (*writer)->add("loss", i, p * 1000 + r);
                if (!(*writer)->flush() || !store.end(*run, RunStatus::Finished, "", "h") ||
                    !store.addTags({*run}, {"t"}))
                    return 3;
            }
            return 0;
        }));
    for (const pid_t child : children)
        EXPECT_EQ(exitOf(child), 0);
    const auto project = Project::open(folder / "p");
    EXPECT_EQ(listRuns(*project, {})->size(), size_t(kProcesses * kRuns));
    EXPECT_EQ(textOf(*project->database().scalar("SELECT count(*) FROM points")),
              std::to_string(kProcesses * kRuns * kPoints));
    EXPECT_EQ(textOf(*project->database().scalar("SELECT count(*) FROM keys WHERE kind='metric'")), "1");
    EXPECT_TRUE(project->checkIntegrity()->empty());
}

// Waits for it: how long a process takes to begin depends on the machine and the sanitizers.
bool someRunIsRunning(const fs::path& folder) {
    const auto project = Project::open(folder);
    for (int attempt = 0; project && attempt < 2000; ++attempt) {
        if (const auto running = filterRuns(*project, "status = running"); running && !running->empty())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

TEST(Project, KilledWritersLeaveAConsistentDatabase) {
    TemporaryFolder folder;
    ASSERT_TRUE(Project::create(folder / "p"));
    for (int round = 0; round < 8; ++round) {
        const pid_t child = inChild([&] {
            const auto project = Project::open(folder / "p");
            RunStore store(*project);
            for (int r = 0;; ++r) {
                const auto run = store.create(named(fmt::format("{}-{}", round, r)));
                if (!run || !store.start(*run, currentProcess()))
                    return 1;
                auto writer = MetricWriter::open(*project, *run);
                for (int i = 0; i < 20000; ++i)
                    (*writer)->add(i % 2 ? "a" : "b", i, i);
            }
        });
        EXPECT_TRUE(someRunIsRunning(folder / "p"));
        std::this_thread::sleep_for(std::chrono::milliseconds(17 * round));
        ::kill(child, SIGKILL);
        EXPECT_EQ(exitOf(child), -1);
        const auto project = Project::open(folder / "p");
        ASSERT_TRUE(project) << project.error().text();
        EXPECT_TRUE(project->checkIntegrity()->empty());
        EXPECT_EQ(filterRuns(*project, "status = running")->size(), 0u);
    }
    const auto project = Project::open(folder / "p");
    EXPECT_GE(filterRuns(*project, "status = interrupted")->size(), 8u);
}

}  // namespace
}  // namespace vitrine
