// No room on the disk, no memory: a message with what to free or lower, exit code 4, and the last good file
// stays.
#include "tests/cli/command_line.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>

namespace vitrine {
namespace fs = std::filesystem;

class Limits : public CommandLine {
  protected:
    void TearDown() override {
        if (mounted_) {
            EXPECT_EQ(::umount(disk_.c_str()), 0);
        }
    }
    // A file system of a few megabytes; false where mounting is not allowed.
    bool mountDisk(const char* size) {
        fs::create_directories(disk_);
        mounted_ = ::mount("tmpfs", disk_.c_str(), "tmpfs", 0, size) == 0;
        return mounted_;
    }
    void enlargeDisk() { ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", MS_REMOUNT, "size=256m"), 0); }
    // Leaves `bytes` free.
    void fillUp(size_t bytes) {
        const size_t free = freeBytes();
        ASSERT_TRUE(writeFileAtomically(disk_ / "filler", std::string(free - std::min(free, bytes), 'x')));
    }
    size_t freeBytes() const {
        struct statvfs info {};
        EXPECT_EQ(::statvfs(disk_.c_str(), &info), 0);
        return info.f_bavail * info.f_bsize;
    }
    // The same as call(), with another project folder and limits of the shell before it.
    Outcome callIn(const fs::path& project, const std::string& arguments,
                   const std::string& limits = "true") {
        const fs::path errors = folder_ / "errors.txt";
        return shell(fmt::format("{}; '{}' --project '{}' {} 2>'{}'", limits,
                                 (testing::buildFolder() / "bin" / "vitrine").string(), project.string(),
                                 arguments, errors.string()),
                     errors);
    }
    static void expectFull(const Outcome& outcome, const std::string& where) {
        EXPECT_EQ(outcome.exitCode, 4) << outcome.output << outcome.errors;
        EXPECT_NE(outcome.errors.find("Free some space"), std::string::npos) << outcome.errors;
        EXPECT_NE(outcome.errors.find(where), std::string::npos) << outcome.errors;
    }
    static void expectNoMemory(const Outcome& outcome) {
        EXPECT_EQ(outcome.exitCode, 4) << outcome.output << outcome.errors;
        EXPECT_NE(outcome.errors.find("not enough memory"), std::string::npos) << outcome.errors;
        EXPECT_NE(outcome.errors.find("Lower the "), std::string::npos) << outcome.errors;
    }
    static size_t temporaryFiles(const fs::path& folder) {
        size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            count += entry.path().extension() == ".tmp";
        return count;
    }
    std::string recipeFile(const Json& recipe) {
        const fs::path file = folder_ / "recipe.json";
        EXPECT_TRUE(writeFileAtomically(file, recipe.dump()));
        return "'" + file.string() + "'";
    }

    const fs::path disk_ = folder_ / "disk";
    bool mounted_ = false;
};

TEST_F(Limits, AFullDiskEndsAnExtractionThatGoesOnAfterwards) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    if (!mountDisk("size=3m"))
        GTEST_SKIP() << "needs the right to mount a small tmpfs";
    const std::string recipe = recipeFile(
        {{"kind", "extract"},
         {"settings", {{"model", resnet.string()}, {"images", {photos.string()}}, {"resolution", 512}}}});
    const fs::path project = disk_ / "project";
    ASSERT_EQ(callIn(project, fmt::format("project create '{}'", project.string())).exitCode, 0);
    fillUp(1500'000);
    expectFull(callIn(project, "--quiet run " + recipe), ".safetensors");
    EXPECT_EQ(temporaryFiles(disk_), 0u);
    EXPECT_EQ(callIn(project, "project info --check").exitCode, 0);
    enlargeDisk();
    const Outcome resumed = callIn(project, "--quiet run --resume last");
    EXPECT_EQ(resumed.exitCode, 0) << resumed.errors;
    EXPECT_NE(callIn(project, "runs list").output.find("finished"), std::string::npos);
}

TEST_F(Limits, AFullDiskAtACheckpointKeepsTheLastGoodOne) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    if (!mountDisk("size=12m"))
        GTEST_SKIP() << "needs the right to mount a small tmpfs";
    const Json teachers = Json::array({{{"name", "resnet"}, {"model", resnet.string()}}});
    const std::string recipe =
        recipeFile({{"kind", "distill"},
                    {"settings",
                     {{"teachers", teachers},
                      {"images", {photos.string()}},
                      {"limit", 4},
                      {"student", {{"width", 96}, {"depth", 3}, {"heads", 3}, {"patch_size", 8}}},
                      {"partitions", Json::array({{{"sides", {32}}, {"batch", 2}}})},
                      {"steps", 8},
                      {"warmup_steps", 1},
                      {"statistics_batches", 2},
                      {"checkpoint_every", 2},
                      {"probe_every", 0}}}});
    const fs::path project = disk_ / "project";
    const Outcome full = callIn(project, "--quiet run " + recipe);
    expectFull(full, "checkpoint");
    EXPECT_EQ(temporaryFiles(disk_), 0u);
    EXPECT_EQ(callIn(project, "project info --check").exitCode, 0);
    enlargeDisk();
    const Outcome resumed = callIn(project, "--quiet run --resume last");
    EXPECT_EQ(resumed.exitCode, 0) << resumed.errors;
}

// The report of an inspection is its last and largest file; a copy with a name for browsers follows it. The
// disk gets a little larger from one try to the next, so that each of the two is what fails once.
TEST_F(Limits, AFullDiskLeavesNoHalfReport) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    if (!mountDisk("size=64m"))
        GTEST_SKIP() << "needs the right to mount a small tmpfs";
    const std::string command =
        fmt::format("--json --quiet inspect '{}' '{}' --resolution 64", photo.string(), resnet.string());
    const fs::path project = disk_ / "project";
    const size_t empty = freeBytes();
    const Outcome whole = callIn(project, command);
    ASSERT_EQ(whole.exitCode, 0) << whole.errors;
    const size_t taken = empty - freeBytes(), report = fs::file_size(json(whole)["report"]);
    ASSERT_GT(taken, 2 * report);
    int withoutReport = 0, withoutCopy = 0;
    Outcome outcome;
    for (size_t room = taken - 2 * report; outcome.exitCode != 0 && room < taken + 4 * report;
         room += report / 2) {
        fs::remove_all(project);
        fs::remove(disk_ / "filler");
        fillUp(room);
        outcome = callIn(project, command);
        EXPECT_EQ(temporaryFiles(disk_), 0u);
        if (outcome.exitCode == 0)
            break;
        expectFull(outcome, project.string());
        for (const auto& entry : fs::directory_iterator(project))
            EXPECT_NE(entry.path().extension(), ".html") << "half of a report";
        fs::remove(disk_ / "filler");
        ASSERT_EQ(callIn(project, "project info --check").exitCode, 0);
        const Json run = json(callIn(project, "--json runs show last"));
        if (outcome.errors.find("report.html") != std::string::npos) {
            ++withoutReport;
            EXPECT_EQ(run["status"], "failed");
            for (const Json& artifact : run["artifacts"])
                EXPECT_NE(artifact["name"], "report.html");
            const Outcome resumed = callIn(project, "--quiet run --resume last");
            EXPECT_EQ(resumed.exitCode, 0) << resumed.errors;
        } else if (outcome.errors.find("report-") != std::string::npos) {
            ++withoutCopy;
            EXPECT_EQ(run["status"], "finished");
            // It says where the report is.
            const size_t at = outcome.errors.rfind((project / "artifacts").string());
            ASSERT_NE(at, std::string::npos) << outcome.errors;
            const std::string kept = outcome.errors.substr(at, outcome.errors.find_first_of("\n\"", at) - at);
            EXPECT_EQ(fs::file_size(kept), report) << kept;
        }
    }
    EXPECT_EQ(outcome.exitCode, 0) << outcome.errors;
    EXPECT_GT(withoutReport, 0);
    EXPECT_GT(withoutCopy, 0);
}

TEST_F(Limits, AFullDiskKeepsTheFilesThatWereThere) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    if (!mountDisk("size=2m"))
        GTEST_SKIP() << "needs the right to mount a small tmpfs";
    const fs::path selftest = testing::sourceFolder() / "resources" / "recipes" / "selftest.json";
    ASSERT_EQ(call(fmt::format("--quiet run '{}'", selftest.string())).exitCode, 0);
    const auto expectKept = [&](const char* name, const std::string& arguments) {
        const fs::path file = disk_ / name;
        ASSERT_TRUE(writeFileAtomically(file, "what was there"));
        expectFull(call(fmt::format("--quiet {} --output '{}'", arguments, file.string())), name);
        EXPECT_EQ(*readFile(file), "what was there");
        EXPECT_EQ(temporaryFiles(disk_), 0u);
        fs::remove(file);
    };
    fillUp(8192);
    expectKept("runs.json", "runs export last --format json");
    expectKept("map.png", fmt::format("map '{}' '{}' --resolution 256", photo.string(), resnet.string()));
    // What cannot be printed was not done either.
    const Outcome printed = callIn(folder_ / "project", "runs export last --format json >/dev/full");
    EXPECT_EQ(printed.exitCode, 4) << printed.errors;
    EXPECT_NE(printed.errors.find("standard output"), std::string::npos) << printed.errors;
}

// Where mounting is not allowed a limit on the size of a file stands for the full disk.
TEST_F(Limits, AFileThatMayNotGrowIsReported) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path file = folder_ / "map.png";
    ASSERT_TRUE(writeFileAtomically(file, "what was there"));
    // 64 blocks of 512 bytes.
    const Outcome outcome = callIn(folder_ / "project",
                                   fmt::format("--quiet map '{}' '{}' --resolution 512 --output '{}'",
                                               photo.string(), resnet.string(), file.string()),
                                   "ulimit -f 64");
    EXPECT_EQ(outcome.exitCode, 4) << outcome.exitCode << outcome.errors;
    EXPECT_NE(outcome.errors.find("map.png"), std::string::npos) << outcome.errors;
    EXPECT_EQ(*readFile(file), "what was there");
    EXPECT_EQ(temporaryFiles(folder_.path()), 0u);
}

TEST_F(Limits, OutOfMemorySaysWhatToLower) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path project = folder_ / "project";
    // Address space in KiB: enough to start, not enough for what is asked.
    const char* limit = "ulimit -v 1300000";
    const std::string model = "'" + resnet.string() + "'", dog = "'" + (photos / "dog.jpg").string() + "'";
    expectNoMemory(callIn(project,
                          "--quiet map " + dog + " " + model + " --resolution 8192 --output '" +
                              (folder_ / "map.png").string() + "'",
                          limit));
    EXPECT_FALSE(fs::exists(folder_ / "map.png"));
    expectNoMemory(callIn(project, "--quiet inspect " + model + " " + dog + " --resolution 8192", limit));
    expectNoMemory(callIn(project, "--quiet statistics " + model + " " + dog + " --resolution 8192", limit));
    const std::string recipe = recipeFile(
        {{"kind", "extract"},
         {"settings",
          {{"model", resnet.string()}, {"images", {(photos / "dog.jpg").string()}}, {"resolution", 8192}}}});
    expectNoMemory(callIn(project, "--quiet run " + recipe, limit));
    // The project is none the worse for it.
    EXPECT_EQ(callIn(project, "project info --check").exitCode, 0);
    EXPECT_EQ(callIn(project, "runs list").output.find("running"), std::string::npos);
}

}  // namespace vitrine
