#include "core/tokenizers/normalizers.h"

#include "core/tokenizers/charsmap.h"
#include "core/tokenizers/regex.h"
#include "core/tokenizers/unicode.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace {

using unicode::NormalForm;

// Ordering the marks on one letter takes quadratic time: longer piles (no language has them) are cut.
constexpr size_t kMaxUnitBytes = 1024;

bool isAscii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Calls action(character, begin, end) for every character of `text`.
template <typename Action>
void forEachCharacter(std::string_view text, Action action) {
    for (size_t i = 0; i < text.size();) {
        const size_t begin = i;
        const char32_t character = unicode::nextCharacter(text, i);
        action(character, begin, i);
    }
}

AlignedText applyForm(AlignedText in, NormalForm form) {
    if (isAscii(in.text))
        return in;
    AlignedTextWriter writer(in);
    for (size_t begin = 0; begin < in.text.size();) {
        size_t end = begin;
        unicode::nextCharacter(in.text, end);
        while (end < in.text.size() && end - begin < kMaxUnitBytes) {
            size_t next = end;
            if (unicode::startsNormalizationUnit(unicode::nextCharacter(in.text, next), form))
                break;
            end = next;
        }
        const std::string_view unit = std::string_view(in.text).substr(begin, end - begin);
        if (const std::string changed = isAscii(unit) ? std::string(unit) : unicode::normalize(unit, form);
            changed == unit)
            writer.keep(begin, end);
        else
            writer.replace(begin, end, changed);
        begin = end;
    }
    return writer.take();
}

// Rewrites character by character: action(writer, character, begin, end).
template <typename Action>
AlignedText mapCharacters(const AlignedText& in, Action action) {
    AlignedTextWriter writer(in);
    forEachCharacter(in.text, [&](char32_t character, size_t begin, size_t end) {
        action(writer, character, begin, end);
    });
    return writer.take();
}

AlignedText lowercase(const AlignedText& in) {
    std::string lower;
    return mapCharacters(in, [&](AlignedTextWriter& writer, char32_t character, size_t begin, size_t end) {
        lower.clear();
        unicode::appendLowercase(lower, character);
        if (std::string_view(lower) == std::string_view(in.text).substr(begin, end - begin))
            writer.keep(begin, end);
        else
            writer.replace(begin, end, lower);
    });
}

AlignedText removeMarks(const AlignedText& in, bool nonspacingOnly) {
    return mapCharacters(in, [&](AlignedTextWriter& writer, char32_t character, size_t begin, size_t end) {
        if (!(nonspacingOnly ? unicode::isNonspacingMark(character) : unicode::isMark(character)))
            writer.keep(begin, end);
    });
}

AlignedText strip(const AlignedText& in, bool left, bool right) {
    size_t first = 0, last = in.text.size();
    bool seen = false;
    forEachCharacter(in.text, [&](char32_t character, size_t begin, size_t end) {
        if (unicode::isWhitespace(character))
            return;
        if (!seen && left)
            first = begin;
        seen = true;
        if (right)
            last = end;
    });
    AlignedTextWriter writer(in);
    if (seen)
        writer.keep(first, last);
    return writer.take();
}

// BERT's cleaning of text (google-research/bert, BasicTokenizer).
AlignedText cleanText(const AlignedText& in) {
    return mapCharacters(in, [&](AlignedTextWriter& writer, char32_t c, size_t begin, size_t end) {
        const bool space = c == '\t' || c == '\n' || c == '\r' || unicode::isWhitespace(c);
        if (c == 0 || c == 0xFFFD || (!(c == '\t' || c == '\n' || c == '\r') && unicode::isOther(c)))
            return;
        if (space)
            writer.replace(begin, end, " ");
        else
            writer.keep(begin, end);
    });
}

AlignedText spaceChinese(const AlignedText& in) {
    return mapCharacters(in, [&](AlignedTextWriter& writer, char32_t character, size_t begin, size_t end) {
        if (!unicode::isChineseCharacter(character)) {
            writer.keep(begin, end);
            return;
        }
        writer.replace(begin, begin, " ");
        writer.keep(begin, end);
        writer.replace(end, end, " ");
    });
}

AlignedText applyCharsmap(const Charsmap& map, const AlignedText& in) {
    // The library whose files this section belongs to looks up whole short grapheme clusters first, then
    // single characters, and takes the first rule found.
    AlignedTextWriter writer(in);
    const std::string_view text = in.text;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = unicode::graphemeEnd(text, begin);
        if (end - begin < 6) {
            if (const auto found = map.match(text.substr(begin, end - begin), true)) {
                writer.replace(begin, end, found->replacement);
                begin = end;
                continue;
            }
        }
        while (begin < end) {
            const size_t next = begin + unicode::characterBytes(static_cast<unsigned char>(text[begin]));
            if (const auto found = map.match(text.substr(begin, next - begin), true))
                writer.replace(begin, next, found->replacement);
            else
                writer.keep(begin, next);
            begin = next;
        }
    }
    return writer.take();
}

Result<AlignedText> replaceRegex(const Regex& regex, const std::string& content, const AlignedText& in) {
    AlignedTextWriter writer(in);
    size_t kept = 0, from = 0;
    while (from <= in.text.size()) {
        VITRINE_TRY(const Regex::Match match, regex.find(in.text, from));
        if (!match.found)
            break;
        writer.keep(kept, match.begin);
        writer.replace(match.begin, match.end, content);
        kept = match.end;
        from = match.end;
        if (match.end == match.begin)
            from += match.end < in.text.size()
                        ? unicode::characterBytes(static_cast<unsigned char>(in.text[match.end]))
                        : 1;
    }
    writer.keep(kept, in.text.size());
    return writer.take();
}

AlignedText replaceString(const std::string& pattern, const std::string& content, AlignedText in) {
    size_t at = pattern.empty() ? std::string::npos : in.text.find(pattern);
    if (at == std::string::npos)
        return in;
    AlignedTextWriter writer(in);
    size_t kept = 0;
    for (; at != std::string::npos; at = in.text.find(pattern, kept)) {
        writer.keep(kept, at);
        writer.replace(at, at + pattern.size(), content);
        kept = at + pattern.size();
    }
    writer.keep(kept, in.text.size());
    return writer.take();
}

Result<Normalizer> readReplace(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string content, jsonValue<std::string>(json, "content", where));
    VITRINE_TRY(const Json pattern, jsonValue<Json>(json, "pattern", where));
    if (pattern.is_object() && pattern.contains("Regex")) {
        VITRINE_TRY(const std::string expression, jsonValue<std::string>(pattern, "Regex", where));
        VITRINE_TRY(Regex regex, Regex::compile(expression));
        return Normalizer(
            [regex, content](const AlignedText& in) { return replaceRegex(regex, content, in); });
    }
    VITRINE_TRY(const std::string text, jsonValue<std::string>(pattern, "String", where));
    return Normalizer([text, content](AlignedText in) -> Result<AlignedText> {
        return replaceString(text, content, std::move(in));
    });
}

Result<Normalizer> readBert(const Json& json, const std::string& where) {
    VITRINE_TRY(const bool clean, jsonValueOr<bool>(json, "clean_text", true, where));
    VITRINE_TRY(const bool chinese, jsonValueOr<bool>(json, "handle_chinese_chars", true, where));
    VITRINE_TRY(const bool lower, jsonValueOr<bool>(json, "lowercase", true, where));
    bool accents = lower;  // null: accents go where the text is lower-cased
    if (json.contains("strip_accents") && json["strip_accents"].is_boolean())
        accents = json["strip_accents"].get<bool>();
    return Normalizer([=](AlignedText in) -> Result<AlignedText> {
        if (clean)
            in = cleanText(in);
        if (chinese)
            in = spaceChinese(in);
        if (accents)
            in = removeMarks(applyForm(std::move(in), NormalForm::Nfd), true);
        return lower ? lowercase(in) : in;
    });
}

Result<Normalizer> readSequence(const Json& json, const std::string& where) {
    std::vector<Normalizer> parts;
    VITRINE_TRY(const Json list, jsonValue<Json>(json, "normalizers", where));
    for (const Json& item : list) {
        VITRINE_TRY(Normalizer part, readNormalizer(item, where));
        if (part)
            parts.push_back(std::move(part));
    }
    return Normalizer([parts](AlignedText in) -> Result<AlignedText> {
        for (const Normalizer& part : parts) {
            VITRINE_TRY(in, part(std::move(in)));
        }
        return in;
    });
}

Result<Normalizer> readPrepend(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string text, jsonValue<std::string>(json, "prepend", where));
    return Normalizer([text](AlignedText in) -> Result<AlignedText> {
        if (in.text.empty())
            return in;
        AlignedTextWriter writer(in);
        writer.replace(0, 0, text);
        writer.keep(0, in.text.size());
        return writer.take();
    });
}

Result<Normalizer> readStrip(const Json& json, const std::string& where) {
    VITRINE_TRY(const bool left, jsonValueOr<bool>(json, "strip_left", true, where));
    VITRINE_TRY(const bool right, jsonValueOr<bool>(json, "strip_right", true, where));
    return Normalizer([=](const AlignedText& in) -> Result<AlignedText> { return strip(in, left, right); });
}

Result<Normalizer> readCharsmap(const Json& json, const std::string& where) {
    VITRINE_TRY(const Json blob, jsonValue<Json>(json, "precompiled_charsmap", where));
    VITRINE_TRY(const std::string bytes,
                decodeBase64(blob.is_string() ? blob.get<std::string>() : std::string()));
    VITRINE_TRY(Charsmap map, Charsmap::parse(bytes));
    return Normalizer([map](const AlignedText& in) -> Result<AlignedText> { return applyCharsmap(map, in); });
}

template <NormalForm form>
Result<Normalizer> readForm(const Json&, const std::string&) {
    return Normalizer([](AlignedText in) -> Result<AlignedText> { return applyForm(std::move(in), form); });
}

using Reader = Result<Normalizer> (*)(const Json&, const std::string&);
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> table = {
        {"BertNormalizer", readBert},
        {"Lowercase",
         [](const Json&, const std::string&) -> Result<Normalizer> {
             return Normalizer([](const AlignedText& in) -> Result<AlignedText> { return lowercase(in); });
         }},
        {"NFC", readForm<NormalForm::Nfc>},
        {"NFD", readForm<NormalForm::Nfd>},
        {"NFKC", readForm<NormalForm::Nfkc>},
        {"NFKD", readForm<NormalForm::Nfkd>},
        {"Precompiled", readCharsmap},
        {"Prepend", readPrepend},
        {"Replace", readReplace},
        {"Sequence", readSequence},
        {"Strip", readStrip},
        {"StripAccents",
         [](const Json&, const std::string&) -> Result<Normalizer> {
             return Normalizer(
                 [](const AlignedText& in) -> Result<AlignedText> { return removeMarks(in, false); });
         }},
    };
    return table;
}

}  // namespace

Result<Normalizer> readNormalizer(const Json& json, const std::string& where) {
    if (json.is_null())
        return Normalizer();
    VITRINE_TRY(const std::string kind, jsonValue<std::string>(json, "type", where));
    const auto found = readers().find(kind);
    if (found != readers().end())
        return found->second(json, where + "." + kind);
    std::string known;
    for (const auto& [name, reader] : readers())
        known += (known.empty() ? "" : ", ") + name;
    return fail(ErrorCode::UnknownFamily, fmt::format("unknown normalizer \"{}\"; known: {}", kind, known),
                where);
}

}  // namespace vitrine
