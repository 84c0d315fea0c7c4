// The "decoder" section of tokenizer.json: functions that turn the written tokens back into text.
#pragma once

#include "core/base/json.h"

#include <functional>
#include <string>
#include <vector>

namespace vitrine {

// Rewrites the list of tokens; what remains is joined without anything between. Thread-safe.
using Decoder = std::function<Result<void>(std::vector<std::string>&)>;

// Reads one decoder object; null gives an empty function (tokens are then joined by spaces). UnknownFamily
// names an unknown kind and the known ones.
Result<Decoder> readDecoder(const Json& json, const std::string& where);

// Value of a token written "<0x41>", or -1.
int byteTokenValue(std::string_view token);

}  // namespace vitrine
