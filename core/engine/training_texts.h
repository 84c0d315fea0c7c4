// The texts of the job "train-language-model" with the tokenizer that they are written in.
#pragma once

#include "core/language/language_trainer.h"
#include "core/tokenizers/tokenizer.h"

namespace vitrine {

struct TrainingTexts {
    Tokenizer tokenizer;
    std::filesystem::path tokenizerPath;
    std::vector<LanguageTrainingText> texts;
};

// `settings` as trainLanguageSettingsSchema says. Where they name no tokenizer, one is learnt into `learnt`,
// or taken from there if an earlier process of the run has learnt it. Errors: those of texts and tokenizers.
Result<TrainingTexts> openTrainingTexts(const Json& settings, const std::filesystem::path& learnt,
                                        JobContext& job);

}  // namespace vitrine
