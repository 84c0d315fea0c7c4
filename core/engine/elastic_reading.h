// What a run of train-elastic keeps of routers that read the text.
#pragma once

#include "core/base/json.h"
#include "core/flextron/elastic_objective.h"
#include "core/language/language_trainer.h"
#include "core/tokenizers/tokenizer.h"

#include <filesystem>

namespace vitrine {

// The beginning of a text's held-out part, and what share of the neurons of each block every token took:
// {"text", "tokens": [..], "shares": [[..] of each block]}. At most `length` tokens. Errors: those of
// decoding.
Result<Json> tokenRoutes(ElasticObjective& objective, const LanguageModel& model,
                         const LanguageTrainingText& text, const Tokenizer& tokenizer, double budget,
                         int64_t length);

// Weights under the names of their checkpoint; budgets, shares and prices in the metadata.
Result<void> saveRouters(const ElasticObjective& objective, const std::filesystem::path& file);

}  // namespace vitrine
