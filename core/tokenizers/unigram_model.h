// Unigram language model (Kudo 2018, arXiv:1804.10959): the cut of a word with the largest sum of piece
// scores, found by the Viterbi algorithm.
#pragma once

#include "core/tokenizers/token_model.h"

#include <memory>

namespace vitrine {

struct UnigramPiece {
    std::string text;
    double score = 0;
    bool usable = true;        // false: never produced from text (control, unused, unknown and byte pieces)
    bool userDefined = false;  // preferred to any cut of the same text
};

struct UnigramOptions {
    int64_t unknownId = -1;     // -1: a character outside the vocabulary is an error
    bool byteFallback = false;  // unknown characters become tokens "<0x..>"
};

// Piece i has id i. InvalidFile where a usable piece is empty or unknownId is outside the list.
Result<std::shared_ptr<const TokenModel>> makeUnigramModel(const std::vector<UnigramPiece>& pieces,
                                                           UnigramOptions options);

}  // namespace vitrine
