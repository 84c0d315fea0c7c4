#include "core/text/text_reader.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <zlib.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

struct TextReaderTest : ::testing::Test {
    fs::path write(const std::string& name, const std::string& content) {
        const fs::path file = folder / name;
        fs::create_directories(file.parent_path());
        EXPECT_TRUE(writeFileAtomically(file, content));
        return file;
    }
    std::vector<std::string> documents(const fs::path& file, const TextOptions& options = {}) {
        std::vector<std::string> list;
        const auto read = readDocuments(file, options, [&](std::string_view document) -> Result<void> {
            list.emplace_back(document);
            return {};
        });
        problem = read ? "" : read.error().text();
        return list;
    }
    TemporaryFolder folder;
    std::string problem;
};

TEST_F(TextReaderTest, PlainTextIsCutAtTheSeparator) {
    EXPECT_THAT(documents(write("a.txt", " one \n<|endoftext|>\n\n<|endoftext|>two")),
                ElementsAre("one", "two"));
    EXPECT_THAT(documents(folder / "a.txt", {.strip = false}), ElementsAre(" one \n", "\n\n", "two"));
    EXPECT_THAT(documents(write("empty.txt", "")), ElementsAre());
    EXPECT_EQ(problem, "");
}

TEST_F(TextReaderTest, JsonLinesGiveOneFieldEach) {
    const fs::path file = write("a.jsonl", "{\"text\": \"one\"}\n\n{\"text\": \"two\\nlines\", \"id\": 3}\n");
    EXPECT_THAT(documents(file), ElementsAre("one", "two\nlines"));
    EXPECT_THAT(documents(write("b.jsonl", "{\"body\": \"x\"}"), {.field = "body"}), ElementsAre("x"));
    documents(write("c.jsonl", "{\"text\": \"one\"}\n{\"body\": \"x\", \"id\": 1}"));
    EXPECT_THAT(problem, HasSubstr("line 2"));
    EXPECT_THAT(problem, HasSubstr("It has body, id"));
    documents(write("d.jsonl", "{\"text\": "));
    EXPECT_THAT(problem, HasSubstr("line 1"));
}

TEST_F(TextReaderTest, CompressedTextIsUnpackedAndDamageNamed) {
    const fs::path file = folder / "a.txt.gz";
    gzFile packed = gzopen(file.c_str(), "wb");
    gzputs(packed, "one<|endoftext|>two");
    gzclose(packed);
    EXPECT_THAT(documents(file), ElementsAre("one", "two"));
    const std::string bytes = *readFile(file);
    documents(write("cut.txt.gz", bytes.substr(0, bytes.size() / 2)));
    EXPECT_THAT(problem, HasSubstr("damaged"));
}

TEST_F(TextReaderTest, BinaryFilesAreNoText) {
    documents(write("a.txt", std::string("ab\0cd", 5)));
    EXPECT_THAT(problem, HasSubstr("zero bytes"));
}

TEST_F(TextReaderTest, FoldersAreSearched) {
    write("sub/b.md", "x");
    write("a.txt", "x");
    write("picture.png", "x");
    const auto files = listTexts({folder.path()});
    ASSERT_TRUE(files) << files.error().text();
    EXPECT_THAT(*files, ElementsAre(folder / "a.txt", folder / "sub/b.md"));
    const auto missing = listTexts({folder / "nowhere"});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
    fs::create_directories(folder / "empty");
    const auto empty = listTexts({folder / "empty"});
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().text(), HasSubstr("no text"));
}

}  // namespace
}  // namespace vitrine
