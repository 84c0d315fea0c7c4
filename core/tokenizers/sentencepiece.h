// SentencePiece models (Kudo & Richardson 2018, arXiv:1808.06226): BPE and Unigram with their own normaliser.
// The file is a protobuf message `ModelProto` (sentencepiece_model.proto); GGUF stores the same pieces.
#pragma once

#include "core/tokenizers/tokenizer.h"

namespace vitrine {

struct SentencePieceModel {
    enum class Algorithm { Unigram = 1, Bpe = 2 };
    enum class PieceType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };
    struct Piece {
        std::string text;
        float score = 0;
        PieceType type = PieceType::Normal;
    };
    std::vector<Piece> pieces;  // index = id
    Algorithm algorithm = Algorithm::Unigram;
    bool byteFallback = false;
    bool addDummyPrefix = true;          // a space in front of the text
    bool removeExtraWhitespaces = true;  // at both ends, and all but one of a run
    bool escapeWhitespaces = true;       // spaces are written U+2581
    bool whitespaceAsSuffix = false;     // the dummy space goes behind the text
    std::string charsmap;                // compiled normalisation rules, may be empty
    std::string unknownSurface = " \xE2\x81\x87 ";
    // Ids of control pieces; -1: none.
    int64_t bosId = 1, eosId = 2, padId = -1;
    // What encode adds with addSpecialTokens; the model file does not say, tokenizer_config.json does.
    bool addBos = false;
    bool addEos = false;
};

// Parses the protobuf. InvalidFile for truncated or contradictory content, Unsupported for word and character
// models.
Result<SentencePieceModel> parseSentencePiece(std::string_view bytes, const std::string& where);

Result<std::shared_ptr<Tokenizer::Implementation>> makeSentencePiece(SentencePieceModel model,
                                                                     const std::string& where);

}  // namespace vitrine
