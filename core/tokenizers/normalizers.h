// The "normalizer" section of tokenizer.json: functions that rewrite a text before it is split.
#pragma once

#include "core/base/json.h"
#include "core/tokenizers/aligned_text.h"

#include <functional>

namespace vitrine {

// Takes valid UTF-8 and gives valid UTF-8. Thread-safe.
using Normalizer = std::function<Result<AlignedText>(AlignedText)>;

// Reads one normalizer object; null gives an empty function. UnknownFamily names an unknown kind and the
// known ones.
Result<Normalizer> readNormalizer(const Json& json, const std::string& where);

}  // namespace vitrine
