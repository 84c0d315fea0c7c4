// A text that claims about language models stand on: tokenised, with a part that no model learns from.
#pragma once

#include "core/language/language_trainer.h"
#include "core/tokenizers/tokenizer.h"

#include <filesystem>
#include <string>

namespace vitrine {

// NotFound, with what to do, if `path` is not there. `what` begins the message: "the language model".
Result<void> checkInstalled(const std::filesystem::path& path, const char* what);

// Named as its file, without the ending; the last `heldOut` of it is kept from training, as
// train-language-model keeps it. `identity`: tokenizerIdentity of `tokenizer`. Errors: NotFound, those of
// openCorpus.
Result<LanguageTrainingText> openGroundText(const std::filesystem::path& file, const Tokenizer& tokenizer,
                                            const std::string& identity, double heldOut, JobContext& job);

}  // namespace vitrine
