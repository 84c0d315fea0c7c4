// WordPiece: the longest token that begins the word, then the longest "##" token that continues it, and so
// on; a word that cannot be covered is one unknown token.
#pragma once

#include "core/tokenizers/token_model.h"

#include <memory>

namespace vitrine {

struct WordPieceOptions {
    std::string unknownToken = "[UNK]";
    std::string continuingPrefix = "##";
    int64_t maxCharactersPerWord = 100;  // longer words are unknown
};

// InvalidFile where the unknown token is not in the vocabulary.
Result<std::shared_ptr<const TokenModel>> makeWordPieceModel(Vocabulary vocabulary, WordPieceOptions options);

}  // namespace vitrine
