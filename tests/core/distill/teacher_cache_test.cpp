// The store of what teachers said: to the bit, whole after a kill, quiet on a full disk, within its limit.
#include "core/distill/teacher_cache.h"

#include "core/base/file.h"
#include "core/distill/random_stream.h"
#include "core/distill/teacher_cache_entry.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

TeacherOutput said(int64_t number, int64_t side = 4) {
    const at::Generator random = randomStream(5, number, "said");
    return {at::randn({1, 7}, random, at::TensorOptions()),
            at::randn({1, 7, side, side}, random, at::TensorOptions())};
}

std::unique_ptr<TeacherCache> cacheIn(const fs::path& folder, const TeacherCacheOptions& options = {}) {
    auto cache = TeacherCache::open(folder, options);
    EXPECT_TRUE(cache) << (cache ? "" : cache.error().text());
    return std::move(*cache);
}

void expectFound(TeacherCache& cache, const std::string& key, const TeacherOutput& expected) {
    const auto found = cache.find(key);
    ASSERT_TRUE(found) << key;
    EXPECT_TRUE(at::equal(found->features, expected.features)) << key;
    EXPECT_EQ(found->summary.defined(), expected.summary.defined()) << key;
    if (expected.summary.defined()) {
        EXPECT_TRUE(at::equal(found->summary, expected.summary)) << key;
    }
}

TEST(TeacherCache, GivesBackToTheBitWhatWasKept) {
    const TemporaryFolder folder;
    TeacherOutput mute = said(2);
    mute.summary = at::Tensor();
    {
        const auto cache = cacheIn(folder.path());
        EXPECT_FALSE(cache->find("one"));
        cache->keep("one", said(1));
        cache->keep("mute", mute);
        expectFound(*cache, "one", said(1));  // written by now or not
    }
    const auto cache = cacheIn(folder.path());
    expectFound(*cache, "one", said(1));
    expectFound(*cache, "mute", mute);
    EXPECT_FALSE(cache->find("two"));
    EXPECT_EQ(cache->counts().found, 2);
    EXPECT_EQ(cache->counts().missing, 1);
    EXPECT_GT(cache->totalBytes(), int64_t(said(1).features.nbytes()));
    EXPECT_TRUE(cache->takeMessages().empty());
}

TEST(TeacherCache, HalfPrecisionGivesBackWhatWasRounded) {
    const TemporaryFolder folder;
    TeacherOutput rounded = said(1, 32);
    rounded.features = rounded.features.to(at::kBFloat16).to(at::kFloat);
    rounded.summary = rounded.summary.to(at::kBFloat16).to(at::kFloat);
    { cacheIn(folder / "half", {.stored = at::kBFloat16})->keep("one", rounded); }
    { cacheIn(folder / "whole")->keep("one", rounded); }
    const auto half = cacheIn(folder / "half", {.stored = at::kBFloat16}), whole = cacheIn(folder / "whole");
    expectFound(*half, "one", rounded);
    EXPECT_LT(double(half->totalBytes()), 0.55 * double(whole->totalBytes()));
}

std::vector<fs::path> filesIn(const fs::path& folder, const std::string& extension) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file() && entry.path().extension() == extension)
            files.push_back(entry.path());
    return files;
}

TEST(TeacherCache, DamagedEntriesAreThrownAway) {
    const TemporaryFolder folder;
    { cacheIn(folder.path())->keep("one", said(1)); }
    const auto files = filesIn(folder.path(), kCacheEntryExtension);
    ASSERT_EQ(files.size(), 1u);
    const std::string whole = *readFile(files[0]);
    std::vector<std::string> damaged{"", whole.substr(0, 5), whole.substr(0, whole.size() - 3)};
    for (const size_t at : {whole.size() - 1, whole.size() / 2, whole.find("one")}) {
        damaged.push_back(whole);
        damaged.back()[at] ^= 1;
    }
    for (const std::string& content : damaged) {
        std::ofstream(files[0], std::ios::binary | std::ios::trunc) << content;
        const auto cache = cacheIn(folder.path());
        EXPECT_FALSE(cache->find("one"));
        EXPECT_FALSE(fs::exists(files[0]));
        cache->keep("one", said(1));
        cache->flush();
        expectFound(*cache, "one", said(1));
    }
}

// --- killed while it writes

constexpr const char* kWriterVariable = "VITRINE_TEST_CACHE";

TEST(TeacherCache, Writer) {
    const char* folder = std::getenv(kWriterVariable);
    if (!folder)
        GTEST_SKIP() << "the writer that the next test kills";
    const auto cache = cacheIn(folder);
    for (int64_t number = 0;; number = (number + 1) % 2000)
        cache->keep(fmt::format("key {}", number), said(number, 24));
}

TEST(TeacherCache, AKilledWriterLeavesWholeEntries) {
    const TemporaryFolder folder;
    const auto total = [&] { return filesIn(folder.path(), kCacheEntryExtension).size(); };
    size_t before = 0;
    for (int kill = 0; kill < 5; ++kill) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::setenv(kWriterVariable, folder.path().c_str(), 1);
            ::execl("/proc/self/exe", "writer", "--gtest_filter=TeacherCache.Writer", nullptr);
            ::_exit(127);
        }
        for (int wait = 0; wait < 2000 && total() < before + 20; ++wait)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        std::this_thread::sleep_for(std::chrono::milliseconds(3 * kill));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
        ASSERT_GE(total(), before + 20);
        before = total();
        const auto cache = cacheIn(folder.path());
        int64_t found = 0;
        for (int64_t number = 0; number < 2000; ++number) {
            const std::string key = fmt::format("key {}", number);
            const auto entry = cache->find(key);
            if (!entry)
                continue;
            ++found;
            EXPECT_TRUE(at::equal(entry->features, said(number, 24).features)) << key;
        }
        EXPECT_EQ(size_t(found), before) << "an entry was damaged";
    }
    // Temporary files of the dead go once they are old.
    const fs::path left = folder.path() / "00" / "left.features.1-1.tmp";
    fs::create_directories(left.parent_path());
    std::ofstream(left) << "half an entry";
    (void)cacheIn(folder.path());
    EXPECT_TRUE(fs::exists(left)) << "its writer may live";
    fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
    (void)cacheIn(folder.path());
    EXPECT_FALSE(fs::exists(left));
}

// --- limits

TEST(TeacherCache, OldEntriesMakeRoomAndOwnOnesStay) {
    const TemporaryFolder folder;
    const int64_t bytes = TeacherCache::entryBytes(7 + 7 * 16, at::kFloat);
    const TeacherCacheOptions options{.limitBytes = 8 * bytes};
    {
        const auto cache = cacheIn(folder.path(), options);
        for (int64_t number = 0; number < 5; ++number)
            cache->keep(fmt::format("old {}", number), said(number));
    }
    for (const fs::path& file : filesIn(folder.path(), kCacheEntryExtension))
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(2));
    const auto cache = cacheIn(folder.path(), options);
    expectFound(*cache, "old 3", said(3));  // used: now of this run
    for (int64_t number = 0; number < 20; ++number) {
        cache->keep(fmt::format("new {}", number), said(100 + number));
        cache->flush();
    }
    EXPECT_LE(cache->totalBytes(), options.limitBytes);
    EXPECT_THAT(cache->takeMessages(), ElementsAre(HasSubstr("is full")));
    EXPECT_TRUE(cache->takeMessages().empty()) << "said once";
    expectFound(*cache, "old 3", said(3));
    int64_t old = 0, fresh = 0;
    for (int64_t number = 0; number < 20; ++number) {
        old += cache->find(fmt::format("old {}", number)).has_value();
        fresh += cache->find(fmt::format("new {}", number)).has_value();
    }
    EXPECT_EQ(old, 1) << "the others were older than what this run brought";
    EXPECT_GE(fresh, 6);
    expectFound(*cache, "new 0", said(100));
}

TEST(TeacherCache, AFullDiskEndsTheStoringOnly) {
    const TemporaryFolder folder;
    const fs::path disk = folder / "disk";
    fs::create_directories(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "needs the right to mount a small tmpfs";
    {
        const auto cache = cacheIn(disk / "cache", {.bytesLeftFree = 0});
        for (int64_t number = 0; number < 40; ++number)
            cache->keep(fmt::format("key {}", number), said(number, 64));
        cache->flush();
        const auto messages = cache->takeMessages();
        EXPECT_THAT(messages, ElementsAre(HasSubstr("switched off")));
        EXPECT_THAT(messages, ElementsAre(HasSubstr("full"))) << "says why";
        expectFound(*cache, "key 0", said(0, 64));
        EXPECT_FALSE(cache->find("key 39"));
        EXPECT_TRUE(filesIn(disk, ".tmp").empty());
    }
    {
        // With less left than checkpoints need it does not even begin.
        const auto cache = cacheIn(disk / "other");
        cache->keep("key", said(1));
        cache->flush();
        EXPECT_THAT(cache->takeMessages(), ElementsAre(HasSubstr("switched off")));
    }
    EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST(TeacherCache, RoomIsThatOfDiskAndLimit) {
    const TemporaryFolder folder;
    EXPECT_EQ(TeacherCache::room(folder / "not/yet/there", {.limitBytes = 1000, .bytesLeftFree = 0}), 1000);
    EXPECT_EQ(TeacherCache::room(folder.path(), {.limitBytes = 1000, .bytesLeftFree = int64_t(1) << 60}), 0);
}

}  // namespace
}  // namespace vitrine
