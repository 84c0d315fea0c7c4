// What a full disk does to a project: one message, nothing half-written, no hole in a series.
#include "core/base/file.h"
#include "core/runs/metric_writer.h"
#include "core/runs/run_context.h"
#include "core/runs/runner.h"
#include "core/runs/series.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

template <typename T>
ErrorCode codeOf(const Result<T>& result) {
    return result ? ErrorCode::Internal : result.error().code;
}

// A file system of two megabytes that can be made larger; needs the right to mount.
class FullDisk : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directories(disk_);
        mounted_ = ::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=2m") == 0;
        if (!mounted_)
            GTEST_SKIP() << "needs the right to mount a small tmpfs";
    }
    void TearDown() override {
        if (mounted_) {
            EXPECT_EQ(::umount(disk_.c_str()), 0);
        }
    }
    void makeRoom() { ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0); }
    // Leaves nothing but the last few bytes of pages that are in use already.
    void fillUp() {
        struct statvfs info {};
        ASSERT_EQ(::statvfs(disk_.c_str(), &info), 0);
        ASSERT_TRUE(writeFileAtomically(disk_ / "filler", std::string(info.f_bavail * info.f_bsize, 'x')));
    }
    static vitrine::Run newRun(const Project& project) {
        NewRun run;
        run.name = "full";
        run.kind = "train";
        return *RunStore(project).create(run);
    }
    static void expectNoHole(const Project& project, const vitrine::Run& run) {
        const auto kept = readSeries(project, run, "loss");
        ASSERT_TRUE(kept) << kept.error().text();
        for (size_t index = 0; index < kept->size(); ++index) {
            ASSERT_EQ((*kept)[index].step, int64_t(index));
            ASSERT_EQ((*kept)[index].value, double(index));
        }
    }
    size_t temporaryFiles() const {
        size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(disk_))
            count += entry.path().extension() == ".tmp";
        return count;
    }

    TemporaryFolder folder_;
    const fs::path disk_ = folder_ / "disk";
    bool mounted_ = false;
};

TEST_F(FullDisk, MetricsWaitAndAreWrittenOnceThereIsRoom) {
    const auto project = Project::create(disk_ / "p");
    ASSERT_TRUE(project) << project.error().text();
    const vitrine::Run run = newRun(*project);
    auto writer = MetricWriter::open(*project, run);
    Result<void> written;
    int64_t step = 0;
    // Batches of changing size: a small one must not get in where a large one before it did not.
    for (int batch = 2000; written && step < 1000000; batch = 2001 - batch % 2000) {
        for (int i = 0; i < batch; ++i, ++step)
            (*writer)->add("loss", step, double(step));
        written = (*writer)->flush();
    }
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::DiskFull) << written.error().text();
    EXPECT_THAT(written.error().text(), HasSubstr("no space left"));
    for (int i = 0; i < 40; ++i, ++step) {
        (*writer)->add("loss", step, double(step));
        EXPECT_EQ(codeOf((*writer)->flush()), ErrorCode::DiskFull);
    }
    EXPECT_TRUE(project->checkIntegrity()->empty());
    expectNoHole(*project, run);
    makeRoom();
    const auto again = (*writer)->flush();
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(readSeries(*project, run, "loss")->size(), size_t(step));
    expectNoHole(*project, run);
}

TEST_F(FullDisk, AProjectWithADeadRunStillOpensForReading) {
    std::string id;
    {
        const auto project = Project::create(disk_ / "p");
        ASSERT_TRUE(project) << project.error().text();
        const vitrine::Run run = newRun(*project);
        id = run.id;
        ASSERT_TRUE(RunStore(*project).start(run, {1 << 30, currentProcess().host, "x"}));
        fillUp();
    }
    const auto opened = Project::open(disk_ / "p");
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(RunStore(*opened).find(id)->status, RunStatus::Running) << "the disk was not full";
    makeRoom();
    const auto later = Project::open(disk_ / "p");
    ASSERT_TRUE(later) << later.error().text();
    EXPECT_EQ(RunStore(*later).find(id)->status, RunStatus::Interrupted);
}

TEST_F(FullDisk, MemoryForMetricsIsBounded) {
    const auto project = Project::create(disk_ / "p");
    ASSERT_TRUE(project) << project.error().text();
    const vitrine::Run run = newRun(*project);
    MetricWriter::Options options;
    options.maxBufferedPoints = 5000;
    auto writer = MetricWriter::open(*project, run, options);
    int64_t step = 0;
    for (; (*writer)->refusal() && step < 1000000; ++step)
        (*writer)->add("loss", step, double(step));
    ASSERT_FALSE((*writer)->refusal());
    EXPECT_EQ((*writer)->refusal().error().code, ErrorCode::DiskFull);
    makeRoom();
    (*writer)->add("loss", step, double(step));
    // What waited is written; what was refused is not, and neither is anything after it.
    EXPECT_EQ(codeOf((*writer)->flush()), ErrorCode::DiskFull);
    EXPECT_EQ(readSeries(*project, run, "loss")->size(), size_t(step - 1));
    expectNoHole(*project, run);
}

TEST_F(FullDisk, StoredFilesAreWholeOrAbsent) {
    const auto project = Project::create(disk_ / "p");
    ASSERT_TRUE(project) << project.error().text();
    const std::string large(3 << 20, 'x');
    const auto stored = project->artifacts().putBytes(large);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, ErrorCode::DiskFull);
    ASSERT_TRUE(writeFileAtomically(folder_ / "large", large));
    EXPECT_EQ(project->artifacts().putFile(folder_ / "large").error().code, ErrorCode::DiskFull);
    EXPECT_EQ(temporaryFiles(), 0u);
    ASSERT_TRUE(writeFileAtomically(disk_ / "old", "old content"));
    EXPECT_EQ(codeOf(writeFileAtomically(disk_ / "old", large)), ErrorCode::DiskFull);
    EXPECT_EQ(*readFile(disk_ / "old"), "old content");
    EXPECT_EQ(temporaryFiles(), 0u);
}

TEST_F(FullDisk, AJobFailsWithAMessageAndGoesOnAfterwards) {
    JobKinds kinds;
    JobKind counting;
    counting.name = "counting";
    counting.run = [&](RunContext& context) -> Result<void> {
        const int64_t first = context.savedState() ? context.savedState()->value("step", int64_t(0)) : 0;
        for (int64_t step = first; step < 300; ++step) {
            VITRINE_TRY_VOID(context.pausePoint());
            context.metric("loss", step, double(step));
            if (step == 100 && first == 0)
                fillUp();
            if (step % 10 == 9)
                VITRINE_TRY_VOID(
                    context.saveState({{"step", step + 1}, {"ballast", std::string(5000, 'b')}}));
        }
        return {};
    };
    kinds.add(counting);
    auto project = Project::create(disk_ / "p");
    ASSERT_TRUE(project) << project.error().text();
    const auto outcome = runRecipe(*project, {{"kind", "counting"}}, kinds, {});
    // The end of the run cannot be written either: then the error says so; else the row holds it.
    const Error error = outcome ? outcome->error.value_or(Error()) : outcome.error();
    EXPECT_EQ(error.code, ErrorCode::DiskFull) << error.text();
    EXPECT_THAT(error.text(), HasSubstr("Free some space"));
    EXPECT_TRUE(project->checkIntegrity()->empty());
    EXPECT_EQ(temporaryFiles(), 0u);
    fs::remove(disk_ / "filler");
    const auto run = RunStore(*project).find("last");
    ASSERT_TRUE(run) << run.error().text();
    if (isLive(run->status)) {  // this very process carries it still: end it as the next opening would
        ASSERT_TRUE(RunStore(*project).setStatus(*run, RunStatus::Interrupted));
    }
    const auto resumed = resumeRun(*project, run->id, kinds, {});
    ASSERT_TRUE(resumed) << resumed.error().text();
    EXPECT_EQ(resumed->run.status, RunStatus::Finished) << resumed->run.error;
    EXPECT_EQ(readSeries(*project, *run, "loss")->size(), 300u);
    expectNoHole(*project, *run);
}

}  // namespace
}  // namespace vitrine
