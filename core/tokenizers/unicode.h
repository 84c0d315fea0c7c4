// UTF-8 and the Unicode properties that tokenizers ask for. Properties and normal forms come from utf8proc
// (static tables: nothing is loaded at start-up). Every function takes valid UTF-8 unless it says otherwise;
// sanitizeUtf8 makes it so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine::unicode {

// Length in bytes of the character that starts with `first` (valid UTF-8).
inline size_t characterBytes(unsigned char first) {
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

// Code point at `position`, which is moved behind it.
char32_t nextCharacter(std::string_view text, size_t& position);
void appendCharacter(std::string& out, char32_t character);

// Length of the valid character at `position`, or 0 with `invalidBytes` set to the length of the broken
// sequence there (its "maximal subpart", Unicode 15, section 3.9: one U+FFFD stands for it).
size_t validCharacterBytes(std::string_view text, size_t position, size_t& invalidBytes);
bool isValidUtf8(std::string_view text);
// Every broken sequence becomes one U+FFFD.
std::string sanitizeUtf8(std::string_view text);

bool isWhitespace(char32_t character);   // property White_Space
bool isNumber(char32_t character);       // Nd, Nl, No
bool isPunctuation(char32_t character);  // ASCII punctuation signs and category P
bool isMark(char32_t character);         // Mn, Mc, Me
bool isNonspacingMark(char32_t character);
bool isOther(char32_t character);  // Cc, Cf, Cn, Co, Cs
bool isWord(char32_t character);   // what \w stands for: letters, marks, decimal digits, connectors
bool isChineseCharacter(char32_t character);

// Lower case of one character, which may be two ("İ").
void appendLowercase(std::string& out, char32_t character);
// Lower case of a text with the rule for a sigma at the end of a word.
std::string lowercase(std::string_view text);

enum class NormalForm { Nfc, Nfd, Nfkc, Nfkd };
std::string normalize(std::string_view text, NormalForm form);
// True if no character in front of `character` can combine with it under `form`: texts may be cut there.
bool startsNormalizationUnit(char32_t character, NormalForm form);
// End of the grapheme cluster that starts at `position`.
size_t graphemeEnd(std::string_view text, size_t position);

}  // namespace vitrine::unicode
