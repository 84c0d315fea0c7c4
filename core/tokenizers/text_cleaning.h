// What the text towers of CLIP and SigLIP do to a caption before it is tokenised, and the fixed-length rows
// of ids that they take.
#pragma once

#include "core/tokenizers/tokenizer.h"

namespace vitrine {

enum class TextCleaning {
    None,
    OpenClip,  // open_clip: mojibake repair, HTML unescaped twice, runs of whitespace to one space, lower
               // case
    Siglip     // big_vision "canonicalize": lower case, ASCII punctuation removed, whitespace collapsed
};

// The repair follows what ftfy's fix_text does to captions: entities, ligatures, full- and half-width forms,
// curly quotes, line ends, control characters, NFC, and UTF-8 read as Windows-1252 where the whole text is.
// Not done: repair of single garbled passages inside a sound text.
std::string cleanText(std::string_view text, TextCleaning cleaning);

struct TextTowerOptions {
    int64_t contextLength = 77;  // ids per row
    int64_t padId = 0;
    TextCleaning cleaning = TextCleaning::None;
    std::optional<int64_t> startId;  // in front of the ids
    std::optional<int64_t> endId;    // behind them; kept where the row is cut
};

// Options as the tokenizer's own files suggest: start and end tokens where its post-processor adds them, its
// pad token, its maximal length (else `contextLength`).
TextTowerOptions textTowerOptions(const Tokenizer& tokenizer, int64_t contextLength, TextCleaning cleaning);

struct TextRow {
    std::vector<int64_t> ids;  // contextLength of them
    int64_t length = 0;        // without padding
    bool truncated = false;
};

// One row. Special tokens written in the text are read as text. InvalidArgument for a context too short for
// the start and end tokens.
Result<TextRow> encodeForTextTower(const Tokenizer& tokenizer, std::string_view text,
                                   const TextTowerOptions& options);

}  // namespace vitrine
