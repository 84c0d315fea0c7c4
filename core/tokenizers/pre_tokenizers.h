// The "pre_tokenizer" section of tokenizer.json: functions that cut a text into the words which the model
// then splits into tokens.
#pragma once

#include "core/base/json.h"
#include "core/tokenizers/aligned_text.h"

#include <functional>

namespace vitrine {

struct Span {
    size_t begin = 0;
    size_t end = 0;
};

// A text and its words, in order; bytes outside every word were dropped.
struct SplitText {
    AlignedText text;
    std::vector<Span> words;
    bool startsSource = false;  // word 0 begins where the user's text begins ("prepend_scheme": "first")
    bool byteLevel = false;     // words are to be spelled byte by byte (byte_level.h); the model does it
};

// Takes and gives valid UTF-8. Thread-safe.
using PreTokenizer = std::function<Result<void>(SplitText&)>;

// Reads one pre-tokenizer object; null gives an empty function. UnknownFamily names an unknown kind and the
// known ones.
Result<PreTokenizer> readPreTokenizer(const Json& json, const std::string& where);

}  // namespace vitrine
