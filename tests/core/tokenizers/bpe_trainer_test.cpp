#include "core/tokenizers/bpe_trainer.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

TEST(BpeTrainer, LearnsTheReferenceVocabulary) {
    VITRINE_SHARED_DATA(folder, "data/tokenizers/bpe_training_reference");
    const auto corpus = readFile(folder / "corpus.en");
    ASSERT_TRUE(corpus);
    JobContext job;
    const BpeTrainingOptions options{.vocabularySize = 500, .specialTokens = {"<|endoftext|>"}};
    const auto trained = trainByteLevelBpe(*corpus, options, job);
    ASSERT_TRUE(trained) << trained.error().text();
    std::string merges;
    for (const auto& [left, right] : trained->merges)
        merges += toByteLevel(left) + " " + toByteLevel(right) + "\n";
    std::string expected = *readFile(folder / "train-bpe-reference-merges.txt");
    if (!expected.ends_with('\n'))
        expected += '\n';
    EXPECT_EQ(merges, expected);
    const auto vocabulary = readJsonFile(folder / "train-bpe-reference-vocab.json");
    ASSERT_TRUE(vocabulary);
    EXPECT_EQ(vocabulary->size(), trained->tokens.size());
    // The reference holds the same tokens; it numbers the bytes in its own way.
    for (const std::string& token : trained->tokens)
        EXPECT_TRUE(vocabulary->contains(token == "<|endoftext|>" ? token : toByteLevel(token))) << token;
}

TEST(BpeTrainer, ItsTokenizerReadsTheCorpusBack) {
    const std::string corpus = "low low low lower newest newest widest<|end|>lowest \xC3\xA9t\xC3\xA9";
    JobContext job;
    const BpeTrainingOptions options{.vocabularySize = 280, .specialTokens = {"<|end|>"}};
    const auto trained = trainByteLevelBpe(corpus, options, job);
    ASSERT_TRUE(trained);
    testing::TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "tokenizer.json", trainedTokenizerJson(*trained, options)));
    const auto tokenizer = openTokenizer(folder.path());
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    const auto ids = tokenizer->encode(corpus);
    EXPECT_LT(ids->ids.size(), corpus.size() / 2);
    EXPECT_THAT(ids->ids, ::testing::Contains(0));
    EXPECT_EQ(*tokenizer->decode(ids->ids), corpus);
}

TEST(BpeTrainer, RefusesTooSmallVocabularyAndStops) {
    JobContext job;
    EXPECT_EQ(trainByteLevelBpe("a", {.vocabularySize = 255, .specialTokens = {}}, job).error().code,
              ErrorCode::InvalidArgument);
    const auto exhausted = trainByteLevelBpe("ab", {.vocabularySize = 1000, .specialTokens = {}}, job);
    ASSERT_TRUE(exhausted);
    EXPECT_EQ(exhausted->tokens.size(), 257u);
    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    EXPECT_EQ(
        trainByteLevelBpe("abc abc", {.vocabularySize = 300, .specialTokens = {}}, stopped).error().code,
        ErrorCode::Cancelled);
}

}  // namespace
}  // namespace vitrine
