// GPT-2's spelling of bytes as printable characters: byte-level vocabularies are written in it.
#pragma once

#include "core/tokenizers/aligned_text.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace vitrine {

// The character (UTF-8) that stands for each byte.
const std::array<std::string, 256>& byteLevelCharacters();
std::string toByteLevel(std::string_view bytes);
// The bytes that `text` spells, or nothing where it holds a character that stands for no byte.
std::optional<std::string> fromByteLevel(std::string_view text);

}  // namespace vitrine
