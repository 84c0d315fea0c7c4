// A byte-level tokenizer, a text and a small model that fit together.
#pragma once

#include "core/language/language_trainer.h"
#include "core/language/trained_tokenizer.h"
#include "core/text/corpus.h"
#include "core/text/tokenizer_identity.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine::testing {

struct LanguageData : ::testing::Test {
    LanguageData() {
        std::string text;
        for (int i = 0; i < 400; ++i)
            text += fmt::format("{} and {} make {}. ", i % 10, (i * 3) % 10, i % 10 + (i * 3) % 10);
        EXPECT_TRUE(writeFileAtomically(folder / "sums.txt", text));
        EXPECT_TRUE(
            writeTrainedTokenizer(folder / "tokenizer", {folder / "sums.txt"}, {.vocabulary = 257}, job));
    }
    std::shared_ptr<const TokenFile> tokens(const std::filesystem::path& file) {
        CorpusOptions options;
        options.cache = folder / "cache";
        const auto tokenizer = openTokenizer(folder / "tokenizer");
        const auto corpus =
            openCorpus({file}, *tokenizer, *tokenizerIdentity(folder / "tokenizer"), options, job);
        EXPECT_TRUE(corpus) << (corpus ? "" : corpus.error().text());
        return corpus ? corpus->tokens : nullptr;
    }
    static DecoderConfig smallConfig() {
        DecoderConfig config;
        config.vocabulary = 257;
        config.width = 32;
        config.contextLength = 48;
        config.epsilon = 1e-5;
        config.tiedEmbeddings = true;
        config.bos = 0;
        config.eos = {0};
        LayerSettings layer;
        layer.attention.queryHeads = 4;
        layer.attention.keyValueHeads = 2;
        layer.attention.headWidth = 8;
        layer.feedForward.intermediate = 64;
        config.layers.assign(2, layer);
        return config;
    }
    LanguageTrainingOptions trainingOptions() {
        LanguageTrainingOptions options;
        options.model = smallConfig();
        options.length = 32;
        options.batch = 4;
        options.steps = 40;
        options.warmup = 5;
        options.learningRate = 0.01;
        options.finalRate = 0.001;
        return options;
    }
    std::vector<LanguageTrainingText> texts() {
        const auto file = tokens(folder / "sums.txt");
        const SplitRanges split = splitTail(*file, 0.1);
        return {{"sums", file, split.training, split.heldOut, 1.0}};
    }
    TemporaryFolder folder;
    JobContext job;
};

}  // namespace vitrine::testing
