#include "core/eval/language_perplexity.h"

#include "core/engine/language_store.h"
#include "core/text/corpus.h"
#include "tests/core/language/language_data.h"
#include "tests/support/test_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using LanguagePerplexityTest = testing::LanguageData;

// The protocol written as plain loops.
TEST_F(LanguagePerplexityTest, IsTheMeanOverAllWindows) {
    const auto model = createLanguageModel(smallConfig(), 5, 0.2);
    ASSERT_TRUE(model);
    const auto file = tokens(folder / "sums.txt");
    const auto score = measurePerplexity(**model, *file, {.length = 20, .batch = 3}, job);
    ASSERT_TRUE(score) << score.error().text();
    at::NoGradGuard noGrad;
    double nats = 0;
    int64_t count = 0;
    for (int64_t start = 0; start + 20 <= file->info().tokens; start += 20) {
        std::vector<int64_t> ids(20);
        file->read(start, ids);
        const at::Tensor logits = (*model)->decoder().logits(at::tensor(ids, at::kLong).unsqueeze(0))[0];
        for (int64_t t = 0; t + 1 < 20; ++t, ++count)
            nats -= logits[t].log_softmax(0)[ids[size_t(t) + 1]].item<double>();
    }
    EXPECT_EQ(score->predicted, count);
    EXPECT_NEAR(score->nats, nats, 1e-4 * nats);
    EXPECT_NEAR(score->perplexity(), std::exp(nats / double(count)), 1e-3 * score->perplexity());
    // One token is one byte here.
    EXPECT_NEAR(score->bitsPerByte(), nats / double(count) / std::log(2.0), 1e-3);
}

TEST_F(LanguagePerplexityTest, KeysTellProtocolsApart) {
    const auto model = createLanguageModel(smallConfig(), 5);
    ASSERT_TRUE(model);
    const auto file = tokens(folder / "sums.txt");
    const auto key = [&](PerplexityOptions options) {
        return measurePerplexity(**model, *file, options, job)->key();
    };
    EXPECT_EQ(key({.length = 20, .batch = 1}), key({.length = 20, .batch = 7}));
    EXPECT_NE(key({.length = 20}), key({.length = 24}));
    EXPECT_NE(key({.length = 20}), key({.length = 20, .documents = true}));
    EXPECT_NE(key({.length = 20}), key({.length = 20, .limit = 3}));
}

TEST_F(LanguagePerplexityTest, RefusesWhatDoesNotFit) {
    const auto file = tokens(folder / "sums.txt");
    DecoderConfig config = smallConfig();
    const auto model = createLanguageModel(config, 5);
    const auto longer = measurePerplexity(**model, *file, {.length = 49}, job);
    ASSERT_FALSE(longer);
    EXPECT_THAT(longer.error().text(), HasSubstr("2 to 48"));
    config.vocabulary = 200;
    const auto smaller = createLanguageModel(config, 5);
    const auto foreign = measurePerplexity(**smaller, *file, {}, job);
    ASSERT_FALSE(foreign);
    EXPECT_THAT(foreign.error().text(), HasSubstr("257 tokens, the model 200"));
    ASSERT_TRUE(writeFileAtomically(folder / "short.txt", "x"));
    const auto shortText = measurePerplexity(**model, *tokens(folder / "short.txt"), {}, job);
    ASSERT_FALSE(shortText);
    EXPECT_THAT(shortText.error().text(), HasSubstr("nothing can be predicted"));
}

// Known value of the data's own description: 1.2664 nats per token over five stories.
TEST_F(LanguagePerplexityTest, StoriesHaveTheKnownLikelihood) {
    VITRINE_SHARED_DATA(stories, "data/text/tinystories/tinystories_sample.txt");
    VITRINE_SHARED_DATA(folderOfModel, "data/language_models/stories260K");
    const auto language = openLanguage(folderOfModel / "stories260K.bin", "", "cpu", "float32");
    ASSERT_TRUE(language) << language.error().text();
    CorpusOptions options;
    options.cache = folder / "cache";
    const auto corpus = openCorpus({stories}, language->tokenizer, language->tokenizerIdentity, options, job);
    ASSERT_TRUE(corpus) << corpus.error().text();
    const auto score =
        measurePerplexity(*language->model, *corpus->tokens, {.length = 512, .documents = true}, job);
    ASSERT_TRUE(score) << score.error().text();
    EXPECT_EQ(score->windows, 5);
    EXPECT_NEAR(score->natsPerToken(), 1.2664, 5e-5);
    EXPECT_NEAR(score->perplexity(), 3.548, 5e-4);
}

}  // namespace
}  // namespace vitrine
