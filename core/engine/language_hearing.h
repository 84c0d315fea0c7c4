// What a language model says to a text: losses of its tokens, the next one.
#pragma once

#include "core/engine/compress_engine.h"
#include "core/engine/language_store.h"

namespace vitrine {

std::vector<double> doublesOf(const at::Tensor& tensor);
double meanOf(const std::vector<double>& values);  // 0 of none

// Behind the start token, if the model has one. InvalidArgument for more than its context holds.
Result<std::vector<int64_t>> textTokens(const OpenedLanguage& language, const std::string& text);

// Nats of each token but the first, of those that the context holds.
std::vector<double> tokenLosses(const LanguageModel& model, const std::vector<int64_t>& ids);
// The tokens as text; the first has no loss.
std::vector<TokenScore> tokenScores(const OpenedLanguage& language, const std::vector<int64_t>& ids,
                                    const std::vector<double>& losses);

struct Heard {
    std::vector<double> losses;
    at::Tensor next;  // probabilities (vocabulary), float64
};
Heard hear(const LanguageModel& model, const std::vector<int64_t>& ids);
// Fills all of `answer` but the time.
void compareHeard(const OpenedLanguage& language, const std::vector<int64_t>& ids, const Heard& before,
                  const Heard& after, WhatIf& answer);

}  // namespace vitrine
