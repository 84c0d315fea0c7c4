// A tiny language model that was really trained on two small texts, as a folder and as the ground of claims.
#pragma once

#include "core/claims/language_ground.h"
#include "tests/core/language/language_data.h"

namespace vitrine::testing {

struct LanguageClaimData : LanguageData {
    // Trains for a second or two, writes folder/"model" with its tokenizer, and opens it.
    LanguageGround trainedGround(int64_t steps = 60) {
        std::string products;
        for (int i = 0; i < 400; ++i)
            products += fmt::format("{} times {} is {}; ", (i * 7) % 10, i % 10, ((i * 7) % 10) * (i % 10));
        EXPECT_TRUE(writeFileAtomically(folder / "products.txt", products));
        LanguageTrainingOptions options = trainingOptions();
        options.steps = steps;
        std::vector<LanguageTrainingText> both = texts();
        const auto file = tokens(folder / "products.txt");
        const SplitRanges split = splitTail(*file, 0.1);
        both.push_back({"products", file, split.training, split.heldOut, 1.0});
        auto trainer = LanguageTrainer::create(options, both);
        EXPECT_TRUE(trainer) << trainer.error().text();
        while ((*trainer)->step() < steps)
            if (const auto report = (*trainer)->train(); !report) {
                ADD_FAILURE() << report.error().text();
                break;
            }
        const auto model = (*trainer)->takeModel();
        const auto saved =
            saveLanguageModel(*model, folder / "model", {.tokenizerFrom = folder / "tokenizer"});
        EXPECT_TRUE(saved) << saved.error().text();
        auto ground = openLanguageGround(files(), "cpu", job);
        EXPECT_TRUE(ground) << ground.error().text();
        return *ground;
    }
    LanguageGroundFiles files() const {
        return {folder / "model", {folder / "sums.txt", folder / "products.txt"}, 0.1};
    }
};

}  // namespace vitrine::testing
