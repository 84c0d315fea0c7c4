#include "core/tokenizers/unicode.h"

#include <utf8proc.h>

#include <cstdlib>

namespace vitrine::unicode {
namespace {

utf8proc_category_t category(char32_t character) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool isLetter(char32_t character) {
    const auto kind = category(character);
    return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

}  // namespace

char32_t nextCharacter(std::string_view text, size_t& position) {
    const auto byte = [&](size_t offset) { return static_cast<unsigned char>(text[position + offset]); };
    const unsigned char first = byte(0);
    const size_t length = characterBytes(first);
    if (position + length > text.size()) {
        position = text.size();
        return 0xFFFD;
    }
    char32_t value = first;
    if (length == 2)
        value = (first & 0x1F) << 6 | (byte(1) & 0x3F);
    else if (length == 3)
        value = (first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    else if (length == 4)
        value = (first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    position += length;
    return value;
}

void appendCharacter(std::string& out, char32_t character) {
    if (character < 0x80) {
        out += static_cast<char>(character);
    } else if (character < 0x800) {
        out += static_cast<char>(0xC0 | character >> 6);
        out += static_cast<char>(0x80 | (character & 0x3F));
    } else if (character < 0x10000) {
        out += static_cast<char>(0xE0 | character >> 12);
        out += static_cast<char>(0x80 | (character >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (character & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | character >> 18);
        out += static_cast<char>(0x80 | (character >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (character >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (character & 0x3F));
    }
}

size_t validCharacterBytes(std::string_view text, size_t position, size_t& invalidBytes) {
    const unsigned char first = static_cast<unsigned char>(text[position]);
    invalidBytes = 1;
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    const size_t length = characterBytes(first);
    for (size_t k = 1; k < length; ++k) {
        if (position + k >= text.size())
            return 0;
        const unsigned char byte = static_cast<unsigned char>(text[position + k]);
        unsigned char low = 0x80, high = 0xBF;
        if (k == 1 && first == 0xE0)
            low = 0xA0;
        if (k == 1 && first == 0xED)
            high = 0x9F;
        if (k == 1 && first == 0xF0)
            low = 0x90;
        if (k == 1 && first == 0xF4)
            high = 0x8F;
        if (byte < low || byte > high)
            return 0;
        invalidBytes = k + 1;
    }
    return length;
}

bool isValidUtf8(std::string_view text) {
    size_t invalid = 0;
    for (size_t i = 0; i < text.size();) {
        if (static_cast<unsigned char>(text[i]) < 0x80) {
            ++i;
            continue;
        }
        const size_t length = validCharacterBytes(text, i, invalid);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

std::string sanitizeUtf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    size_t invalid = 0;
    for (size_t i = 0; i < text.size();) {
        if (const size_t length = validCharacterBytes(text, i, invalid); length > 0) {
            out.append(text, i, length);
            i += length;
        } else {
            out += "\xEF\xBF\xBD";
            i += invalid;
        }
    }
    return out;
}

bool isWhitespace(char32_t c) {
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

bool isNumber(char32_t character) {
    const auto kind = category(character);
    return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(char32_t c) {
    if (c < 0x80)
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
    const auto kind = category(c);
    return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

bool isMark(char32_t character) {
    const auto kind = category(character);
    return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
}

bool isNonspacingMark(char32_t character) {
    return category(character) == UTF8PROC_CATEGORY_MN;
}

bool isOther(char32_t character) {
    const auto kind = category(character);
    return kind == UTF8PROC_CATEGORY_CN || (kind >= UTF8PROC_CATEGORY_CC && kind <= UTF8PROC_CATEGORY_CO);
}

bool isWord(char32_t character) {
    const auto kind = category(character);
    return isLetter(character) || isMark(character) || kind == UTF8PROC_CATEGORY_ND ||
           kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_PC || character == 0x200C ||
           character == 0x200D;
}

bool isChineseCharacter(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) ||
           (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

void appendLowercase(std::string& out, char32_t character) {
    if (character == 0x130)
        out += "i\xCC\x87";  // the one character whose lower case is two: i and combining dot above
    else
        appendCharacter(out,
                        static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character))));
}

std::string lowercase(std::string_view text) {
    std::string out;
    bool afterLetter = false;
    for (size_t i = 0; i < text.size();) {
        const char32_t character = nextCharacter(text, i);
        if (character == 0x3A3 && afterLetter) {
            size_t next = i;
            bool letterFollows = false;
            while (next < text.size()) {
                const char32_t following = nextCharacter(text, next);
                letterFollows = isLetter(following);
                if (letterFollows || !isMark(following))
                    break;
            }
            appendCharacter(out, letterFollows ? 0x3C3 : 0x3C2);
        } else {
            appendLowercase(out, character);
        }
        if (!isMark(character))
            afterLetter = isLetter(character);
    }
    return out;
}

std::string normalize(std::string_view text, NormalForm form) {
    int options = UTF8PROC_STABLE;
    options |= form == NormalForm::Nfc || form == NormalForm::Nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    if (form == NormalForm::Nfkc || form == NormalForm::Nfkd)
        options |= UTF8PROC_COMPAT;
    utf8proc_uint8_t* result = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &result,
                                     static_cast<utf8proc_option_t>(options));
    if (length < 0)
        return std::string(text);
    std::string out(reinterpret_cast<const char*>(result), static_cast<size_t>(length));
    std::free(result);
    return out;
}

bool startsNormalizationUnit(char32_t character, NormalForm form) {
    if (character < 0x80)
        return true;
    utf8proc_int32_t parts[32] = {};
    int boundary = 0;
    const bool compatible = form == NormalForm::Nfkc || form == NormalForm::Nfkd;
    const auto count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(character), parts, 32,
                                static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                               (compatible ? UTF8PROC_COMPAT : 0)),
                                &boundary);
    const char32_t first = count > 0 ? static_cast<char32_t>(parts[0]) : character;
    // What can join the character before it: marks, and the vowel and final jamo of a Hangul syllable.
    return !isMark(first) && !(first >= 0x1160 && first <= 0x11FF);
}

size_t graphemeEnd(std::string_view text, size_t position) {
    utf8proc_int32_t state = 0;
    char32_t previous = nextCharacter(text, position);
    while (position < text.size()) {
        size_t next = position;
        const char32_t character = nextCharacter(text, next);
        if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous),
                                             static_cast<utf8proc_int32_t>(character), &state))
            return position;
        previous = character;
        position = next;
    }
    return position;
}

}  // namespace vitrine::unicode
