// Prompts and texts that grow token by token.
#pragma once

#include "core/engine/language_store.h"

#include <string>
#include <vector>

namespace vitrine {

// Tokens of a prompt, behind the start token where the tokenizer puts none in front but the model knows one.
// InvalidArgument where there is nothing to go on from.
Result<std::vector<int64_t>> promptTokens(const OpenedLanguage& language, const std::string& prompt);

// The text of the tokens so far, with a character's bytes held back until all have come.
class TextStream {
  public:
    // The tokenizer outlives it.
    TextStream(const Tokenizer& tokenizer, std::vector<int64_t> prompt);
    // What the new token adds to what was shown.
    std::string add(int64_t id);
    std::string text() const;

  private:
    const Tokenizer& tokenizer_;
    std::vector<int64_t> ids_;
    std::string shown_;
};

}  // namespace vitrine
