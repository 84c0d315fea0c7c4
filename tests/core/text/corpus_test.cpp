#include "core/text/corpus.h"

#include "core/text/tokenizer_identity.h"
#include "core/tokenizers/bpe_trainer.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

struct CorpusTest : ::testing::Test {
    CorpusTest() {
        BpeTrainingOptions options;
        options.vocabularySize = 257;
        options.specialTokens = {"<|endoftext|>"};
        const auto trained = trainByteLevelBpe("", options, job);
        EXPECT_TRUE(trained);
        EXPECT_TRUE(writeFileAtomically(folder / "tokenizer.json", trainedTokenizerJson(*trained, options)));
        EXPECT_TRUE(
            writeFileAtomically(folder / "tokenizer_config.json", R"({"eos_token": "<|endoftext|>"})"));
        options_.cache = folder / "cache";
    }
    Result<Corpus> open(const std::vector<fs::path>& paths) {
        const auto tokenizer = openTokenizer(folder.path());
        EXPECT_TRUE(tokenizer);
        return openCorpus(paths, *tokenizer, *tokenizerIdentity(folder.path()), options_, job);
    }
    std::string textOf(const Corpus& corpus) {
        std::vector<int64_t> ids(size_t(corpus.tokens->info().tokens));
        corpus.tokens->read(0, ids);
        return *openTokenizer(folder.path())->decode(ids);
    }
    TemporaryFolder folder;
    JobContext job;
    CorpusOptions options_;
};

TEST_F(CorpusTest, IsTokenisedOnceAndHoldsTheText) {
    ASSERT_TRUE(writeFileAtomically(folder / "a.txt", "first<|endoftext|>second \xC3\xA9"));
    const auto corpus = open({folder / "a.txt"});
    ASSERT_TRUE(corpus) << corpus.error().text();
    EXPECT_FALSE(corpus->wasCached);
    EXPECT_EQ(corpus->tokens->info().documents, 2);
    EXPECT_EQ(corpus->tokens->info().bytes, 14);
    EXPECT_EQ(corpus->tokens->info().tokens, 14);
    EXPECT_EQ(textOf(*corpus), "firstsecond \xC3\xA9");
    const auto again = open({folder / "a.txt"});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->wasCached);
    // The name of the file plays no part, its content does.
    fs::copy_file(folder / "a.txt", folder / "b.txt");
    EXPECT_TRUE(open({folder / "b.txt"})->wasCached);
    ASSERT_TRUE(writeFileAtomically(folder / "b.txt", "other"));
    EXPECT_FALSE(open({folder / "b.txt"})->wasCached);
}

TEST_F(CorpusTest, EndTokensStandBehindDocuments) {
    ASSERT_TRUE(writeFileAtomically(folder / "a.txt", "one<|endoftext|>two"));
    options_.endTokens = true;
    const auto corpus = open({folder / "a.txt"});
    ASSERT_TRUE(corpus) << corpus.error().text();
    EXPECT_EQ(textOf(*corpus), "one<|endoftext|>two<|endoftext|>");
    options_.startTokens = true;
    const auto start = open({folder / "a.txt"});
    ASSERT_FALSE(start);
    EXPECT_THAT(start.error().text(), HasSubstr("start token"));
}

TEST_F(CorpusTest, ManyDocumentsKeepTheirOrder) {
    std::string text, expected;
    for (int i = 0; i < 1000; ++i) {
        text += fmt::format("document {}<|endoftext|>", i);
        expected += fmt::format("document {}", i);
    }
    ASSERT_TRUE(writeFileAtomically(folder / "a.txt", text));
    const auto corpus = open({folder / "a.txt"});
    ASSERT_TRUE(corpus) << corpus.error().text();
    EXPECT_EQ(corpus->tokens->info().documents, 1000);
    EXPECT_EQ(textOf(*corpus), expected);
}

TEST_F(CorpusTest, EmptyTextAndDamagedCacheAreSeen) {
    ASSERT_TRUE(writeFileAtomically(folder / "a.txt", " \n "));
    const auto empty = open({folder / "a.txt"});
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().text(), HasSubstr("no text"));
    ASSERT_TRUE(writeFileAtomically(folder / "a.txt", "one"));
    ASSERT_TRUE(open({folder / "a.txt"}));
    for (const auto& entry : fs::directory_iterator(options_.cache))
        ASSERT_TRUE(writeFileAtomically(entry.path(), "damaged"));
    const auto again = open({folder / "a.txt"});
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_FALSE(again->wasCached);
    EXPECT_EQ(textOf(*again), "one");
}

}  // namespace
}  // namespace vitrine
