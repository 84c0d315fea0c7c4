#include "core/tokenizers/text_cleaning.h"

#include "core/tokenizers/html_entities.h"
#include "core/tokenizers/unicode.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace vitrine {
namespace {

std::string collapseWhitespace(std::string_view text) {
    std::string out;
    bool pending = false;
    for (size_t i = 0; i < text.size();) {
        const char32_t character = unicode::nextCharacter(text, i);
        // Python's str.split also takes the information separators for whitespace.
        if (unicode::isWhitespace(character) || (character >= 0x1C && character <= 0x1F)) {
            pending = !out.empty();
            continue;
        }
        if (pending)
            out += ' ';
        pending = false;
        unicode::appendCharacter(out, character);
    }
    return out;
}

// Byte that Windows-1252 (or Latin-1, where that has no character) writes for `character`, or -1.
int windows1252Byte(char32_t character) {
    static constexpr std::array<char32_t, 32> high = {
        0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
        0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    for (size_t i = 0; i < high.size(); ++i)
        if (high[i] == character)
            return static_cast<int>(0x80 + i);
    return character < 0x100 ? static_cast<int>(character) : -1;
}

// Text whose UTF-8 bytes were once read as Windows-1252, put right; other text as it is.
std::string repairMojibake(std::string text) {
    for (int round = 0; round < 3; ++round) {
        std::string bytes;
        bool ascii = true;
        for (size_t i = 0; i < text.size();) {
            const char32_t character = unicode::nextCharacter(text, i);
            const int byte = windows1252Byte(character);
            if (byte < 0)
                return text;
            ascii = ascii && byte < 0x80;
            bytes += static_cast<char>(byte);
        }
        if (ascii || !unicode::isValidUtf8(bytes))
            return text;
        text = std::move(bytes);
    }
    return text;
}

bool isRemovedControl(char32_t c) {
    return c <= 8 || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || (c >= 0x206A && c <= 0x206F) ||
           c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

// Ligatures, widths and quotes of one character.
void appendPlain(std::string& out, char32_t c) {
    static constexpr std::array<std::string_view, 7> ligatures = {"ff",  "fi",        "fl", "ffi",
                                                                  "ffl", "\xC5\xBFt", "st"};
    if (c >= 0xFB00 && c <= 0xFB06) {
        out += ligatures[c - 0xFB00];
    } else if (c == 0x132 || c == 0x133) {
        out += c == 0x132 ? "IJ" : "ij";
    } else if (c == 0x149) {
        out += "\xCA\xBCn";
    } else if (c == 0x3000 || (c >= 0xFF01 && c <= 0xFFEE)) {
        std::string wide;
        unicode::appendCharacter(wide, c);
        out += unicode::normalize(wide, unicode::NormalForm::Nfkc);
    } else if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) {
        out += '\'';
    } else if (c >= 0x201C && c <= 0x201F) {
        out += '"';
    } else if (c == 0x2028 || c == 0x2029 || c == 0x85) {
        out += '\n';
    } else if (!isRemovedControl(c)) {
        unicode::appendCharacter(out, c);
    }
}

std::string repairText(std::string_view text) {
    // Entities are text where there are tags: those are left to the unescaping that follows.
    const std::string unescaped =
        text.find('<') == std::string_view::npos ? unescapeHtml(text) : std::string(text);
    const std::string sound = repairMojibake(unescaped);
    std::string out;
    for (size_t i = 0; i < sound.size();) {
        const char32_t character = unicode::nextCharacter(sound, i);
        if (character == 0x1B && i < sound.size() && sound[i] == '[') {  // terminal colours
            while (++i < sound.size() &&
                   (std::isdigit(static_cast<unsigned char>(sound[i])) || sound[i] == ';')) {
            }
            i = std::min(i + 1, sound.size());
            while (i < sound.size() && (static_cast<unsigned char>(sound[i]) & 0xC0) == 0x80)
                ++i;
        } else if (character == '\r') {
            out += '\n';
            i += i < sound.size() && sound[i] == '\n';
        } else {
            appendPlain(out, character);
        }
    }
    return unicode::normalize(out, unicode::NormalForm::Nfc);
}

bool isAsciiPunctuation(char c) {
    return static_cast<unsigned char>(c) < 0x80 && unicode::isPunctuation(static_cast<unsigned char>(c));
}

}  // namespace

std::string cleanText(std::string_view text, TextCleaning cleaning) {
    std::string out = unicode::sanitizeUtf8(text);
    if (cleaning == TextCleaning::OpenClip) {
        out = unescapeHtml(unescapeHtml(repairText(out)));
        return unicode::lowercase(collapseWhitespace(out));
    }
    if (cleaning == TextCleaning::Siglip) {
        out = unicode::lowercase(out);
        std::erase_if(out, isAsciiPunctuation);
        return collapseWhitespace(out);
    }
    return out;
}

TextTowerOptions textTowerOptions(const Tokenizer& tokenizer, int64_t contextLength, TextCleaning cleaning) {
    TextTowerOptions options;
    options.contextLength = contextLength;
    options.cleaning = cleaning;
    const SpecialTokenIds& special = tokenizer.specialTokens();
    if (tokenizer.maxLength())
        options.contextLength = std::min(contextLength, *tokenizer.maxLength());
    options.padId = special.pad.value_or(special.eos.value_or(0));
    if (const auto frame = tokenizer.encode("")) {
        const auto& ids = frame->ids;
        if (ids.size() == 2) {
            options.startId = ids[0];
            options.endId = ids[1];
        } else if (ids.size() == 1 && special.bos == ids[0] && special.eos != ids[0]) {
            options.startId = ids[0];
        } else if (ids.size() == 1) {
            options.endId = ids[0];
        } else if (ids.empty() && cleaning == TextCleaning::Siglip &&
                   tokenizer.description().starts_with("Sentence")) {
            options.endId = special.eos;  // the model file alone does not say it; SigLIP's captions end so
        }
    }
    return options;
}

Result<TextRow> encodeForTextTower(const Tokenizer& tokenizer, std::string_view text,
                                   const TextTowerOptions& options) {
    const int64_t frame = (options.startId ? 1 : 0) + (options.endId ? 1 : 0);
    if (options.contextLength < std::max<int64_t>(frame, 1) || options.contextLength > 1 << 24)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a context of {} ids does not hold the {} start and end tokens",
                                options.contextLength, frame));
    VITRINE_TRY(Encoding encoded, tokenizer.encode(cleanText(text, options.cleaning),
                                                   {.addSpecialTokens = false, .matchAddedTokens = false}));
    TextRow row;
    const size_t room = static_cast<size_t>(options.contextLength - frame);
    row.truncated = encoded.ids.size() > room;
    if (row.truncated)
        encoded.ids.resize(room);
    if (options.startId)
        row.ids.push_back(*options.startId);
    row.ids.insert(row.ids.end(), encoded.ids.begin(), encoded.ids.end());
    if (options.endId)
        row.ids.push_back(*options.endId);
    row.length = static_cast<int64_t>(row.ids.size());
    row.ids.resize(static_cast<size_t>(options.contextLength), options.padId);
    return row;
}

}  // namespace vitrine
