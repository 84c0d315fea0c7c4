#include "core/text/token_file.h"

#include "core/text/token_windows.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <numeric>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::TemporaryFolder;

std::shared_ptr<const TokenFile> written(const fs::path& file, int64_t vocabulary,
                                         const std::vector<std::vector<int64_t>>& documents) {
    auto writer = TokenFileWriter::create(file, vocabulary);
    EXPECT_TRUE(writer);
    for (const auto& document : documents)
        EXPECT_TRUE(writer->addDocument(document, int64_t(document.size()) * 2));
    EXPECT_TRUE(writer->finish("text", "tokenizer"));
    auto opened = TokenFile::open(file);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text());
    return opened ? *opened : nullptr;
}

TEST(TokenFile, GivesBackWhatWasWritten) {
    const TemporaryFolder folder;
    for (const int64_t vocabulary : {300, 70000}) {
        const auto file = written(folder / fmt::format("{}.tokens", vocabulary), vocabulary,
                                  {{1, 2, 299}, {}, {vocabulary - 1}});
        ASSERT_TRUE(file);
        EXPECT_EQ(file->info().tokens, 4);
        EXPECT_EQ(file->info().documents, 3);
        EXPECT_EQ(file->info().bytes, 8);
        EXPECT_EQ(file->info().corpusHash, "text");
        std::vector<int64_t> ids(3);
        file->read(1, ids);
        EXPECT_THAT(ids, ElementsAre(2, 299, vocabulary - 1));
        EXPECT_EQ(file->documentStart(1), 3);
        EXPECT_EQ(file->documentStart(2), 3);
        EXPECT_EQ(file->documentStart(3), 4);
    }
}

TEST(TokenFile, RefusesDamageAndForeignIds) {
    const TemporaryFolder folder;
    ASSERT_TRUE(written(folder / "a.tokens", 300, {{1, 2, 3}, {4}}));
    const std::string whole = *readFile(folder / "a.tokens");
    for (size_t length = 0; length < whole.size(); ++length) {
        ASSERT_TRUE(writeFileAtomically(folder / "b.tokens", whole.substr(0, length)));
        EXPECT_FALSE(TokenFile::open(folder / "b.tokens")) << length;
    }
    for (size_t at = 0; at < whole.size(); ++at) {
        std::string changed = whole;
        changed[at] = char(changed[at] ^ 0x55);
        ASSERT_TRUE(writeFileAtomically(folder / "b.tokens", changed));
        if (const auto opened = TokenFile::open(folder / "b.tokens")) {
            // What still opens must be safe to read and inside the vocabulary.
            std::vector<int64_t> ids(size_t((*opened)->info().tokens));
            (*opened)->read(0, ids);
            for (const int64_t id : ids)
                EXPECT_TRUE(id >= 0 && id < (*opened)->info().vocabulary) << at;
        }
    }
    auto writer = TokenFileWriter::create(folder / "c.tokens", 10);
    ASSERT_TRUE(writer);
    EXPECT_FALSE(writer->addDocument(std::vector<int64_t>{10}, 1));
}

TEST(TokenWindows, AreCutWithoutOverlap) {
    EXPECT_THAT(windowStarts({10, 25}, 8), ElementsAre(10, 18, 26));
    EXPECT_THAT(windowStarts({0, 5}, 8), ElementsAre(0));
    EXPECT_EQ(windowLength({0, 5}, 8), 5);
    EXPECT_THAT(windowStarts({0, 1}, 8), ElementsAre());
}

TEST(TokenWindows, RandomOnesCoverTheRange) {
    std::set<int64_t> seen;
    for (uint64_t draw = 0; draw < 100; ++draw)
        seen.insert(randomWindow({5, 10}, 4, draw * 7919));
    EXPECT_EQ(*seen.begin(), 5);
    EXPECT_EQ(*seen.rbegin(), 11);
    EXPECT_EQ(seen.size(), 7u);
}

TEST(TokenWindows, NoDocumentIsOnBothSidesOfASplit) {
    const TemporaryFolder folder;
    std::vector<std::vector<int64_t>> documents(40, std::vector<int64_t>(10, 1));
    const auto file = written(folder / "a.tokens", 300, documents);
    ASSERT_TRUE(file);
    const SplitRanges split = splitTail(*file, 0.11);
    EXPECT_EQ(split.training.count % 10, 0);
    EXPECT_EQ(split.training.count + split.heldOut.count, 400);
    EXPECT_EQ(split.heldOut.first, split.training.count);
    EXPECT_GE(split.heldOut.count, 40);
    EXPECT_EQ(splitTail(*file, 0).heldOut.count, 0);
    const auto few = written(folder / "b.tokens", 300, {std::vector<int64_t>(100, 1)});
    EXPECT_EQ(splitTail(*few, 0.1).heldOut.count, 10);
}

}  // namespace
}  // namespace vitrine
