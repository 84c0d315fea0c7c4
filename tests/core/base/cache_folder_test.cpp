#include "core/base/cache_folder.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

struct CacheFolder : ::testing::Test {
    // A file of so many bytes that was used so many hours ago.
    void put(const std::string& name, size_t bytes, int hours) {
        fs::create_directories((folder / name).parent_path());
        ASSERT_TRUE(writeFileAtomically(folder / name, std::string(bytes, 'x')));
        fs::last_write_time(folder / name, fs::file_time_type::clock::now() - std::chrono::hours(hours));
    }
    std::vector<CacheFile> files() const {
        auto found = cacheFiles(folder.path(), ".fit");
        EXPECT_TRUE(found) << (found ? "" : found.error().text());
        return found.value_or(std::vector<CacheFile>());
    }
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const CacheFile& file : files())
            names.push_back(fs::relative(file.file, folder.path()).string());
        return names;
    }
    testing::TemporaryFolder folder;
};

TEST_F(CacheFolder, FindsItsFilesAtAnyDepth) {
    put("a.fit", 3, 1);
    put("deep/er/b.fit", 4, 2);
    put("notes.txt", 5, 3);
    put("young.fit.1-1.tmp", 6, 0);
    put("dead.fit.1-2.tmp", 6, 2);
    EXPECT_THAT(names(), UnorderedElementsAre("a.fit", "deep/er/b.fit"));
    EXPECT_EQ(bytesOf(files()), 7);
    EXPECT_TRUE(fs::exists(folder / "young.fit.1-1.tmp"));
    EXPECT_FALSE(fs::exists(folder / "dead.fit.1-2.tmp"));
    EXPECT_TRUE(cacheFiles(folder / "nowhere", ".fit")->empty());
}

TEST_F(CacheFolder, WhatWasUsedLongestAgoGoesFirst) {
    put("a.fit", 40, 3);
    put("b.fit", 30, 5);
    put("c.fit", 20, 1);
    EXPECT_EQ(removeLongestUnused(files(), 90), 90);  // all fit
    markUsed(folder / "b.fit");
    EXPECT_EQ(removeLongestUnused(files(), 89), 50);
    EXPECT_THAT(names(), UnorderedElementsAre("b.fit", "c.fit"));
    EXPECT_EQ(removeLongestUnused(files(), 0, secondsNow() - 1800), 30);
    EXPECT_THAT(names(), ElementsAre("b.fit"));  // used a moment ago
    EXPECT_EQ(removeLongestUnused(files(), 0), 0);
    EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace vitrine
