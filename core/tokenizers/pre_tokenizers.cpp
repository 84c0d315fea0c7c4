#include "core/tokenizers/pre_tokenizers.h"

#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/word_splitting.h"

#include <map>

namespace vitrine {
namespace {

using Behavior = SplitBehavior;

Result<Behavior> readBehavior(const Json& json, Behavior fallback, const std::string& where) {
    if (!json.contains("behavior"))
        return fallback;
    VITRINE_TRY(const std::string name, jsonValue<std::string>(json, "behavior", where));
    static const std::map<std::string, Behavior> names = {
        {"Removed", Behavior::Removed},
        {"Isolated", Behavior::Isolated},
        {"MergedWithPrevious", Behavior::MergedWithPrevious},
        {"MergedWithNext", Behavior::MergedWithNext},
        {"Contiguous", Behavior::Contiguous}};
    if (const auto found = names.find(name); found != names.end())
        return found->second;
    return fail(
        ErrorCode::InvalidFile,
        fmt::format("unknown behavior \"{}\"; known: Removed, Isolated, MergedWithPrevious, MergedWithNext, "
                    "Contiguous",
                    name),
        where);
}

std::string escapeRegex(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\^$.[]|()?*+{}#-").find(c) != std::string_view::npos)
            out += '\\';
        out += c;
    }
    return out;
}

Result<PreTokenizer> readSplit(const Json& json, const std::string& where) {
    VITRINE_TRY(const Json pattern, jsonValue<Json>(json, "pattern", where));
    VITRINE_TRY(const Behavior behavior, readBehavior(json, Behavior::Isolated, where));
    VITRINE_TRY(const bool invert, jsonValueOr<bool>(json, "invert", false, where));
    std::string expression;
    if (pattern.is_object() && pattern.contains("Regex")) {
        VITRINE_TRY(expression, jsonValue<std::string>(pattern, "Regex", where));
    } else {
        VITRINE_TRY(expression, jsonValue<std::string>(pattern, "String", where));
        expression = escapeRegex(expression);
    }
    VITRINE_TRY(Regex regex, Regex::compile(expression));
    return splitByRegex(std::move(regex), behavior, invert);
}

void addPrefixSpace(SplitText& in) {
    rewriteWords(in, [&](AlignedTextWriter& writer, const Span& word, bool) {
        if (in.text.text[word.begin] != ' ')
            writer.replace(word.begin, word.begin, " ");
        writer.keep(word.begin, word.end);
    });
}

constexpr const char* kGpt2Pattern =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Result<PreTokenizer> readByteLevel(const Json& json, const std::string& where) {
    VITRINE_TRY(const bool prefix, jsonValueOr<bool>(json, "add_prefix_space", true, where));
    VITRINE_TRY(const bool useRegex, jsonValueOr<bool>(json, "use_regex", true, where));
    PreTokenizer splitter;
    if (useRegex) {
        VITRINE_TRY(Regex regex, Regex::compile(kGpt2Pattern));
        splitter = splitByRegex(std::move(regex), Behavior::Isolated, false);
    }
    return PreTokenizer([prefix, splitter](SplitText& in) -> Result<void> {
        if (prefix)
            addPrefixSpace(in);
        if (splitter)
            VITRINE_TRY_VOID(splitter(in));
        in.byteLevel = true;
        return {};
    });
}

// Spells the words in byte-level characters now: needed where another pre-tokenizer follows.
void spellByteLevel(SplitText& in) {
    rewriteWords(in, [&](AlignedTextWriter& writer, const Span& word, bool) {
        for (size_t i = word.begin; i < word.end; ++i)
            writer.replace(i, i + 1, byteLevelCharacters()[static_cast<unsigned char>(in.text.text[i])]);
    });
    in.byteLevel = false;
}

Result<PreTokenizer> readMetaspace(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string mark, jsonValueOr<std::string>(json, "replacement", "\xE2\x96\x81", where));
    VITRINE_TRY(std::string scheme, jsonValueOr<std::string>(json, "prepend_scheme", "always", where));
    VITRINE_TRY(const bool prefix, jsonValueOr<bool>(json, "add_prefix_space", true, where));  // older files
    VITRINE_TRY(const bool doSplit, jsonValueOr<bool>(json, "split", true, where));
    if (!prefix)
        scheme = "never";
    if (scheme != "always" && scheme != "first" && scheme != "never")
        return fail(ErrorCode::InvalidFile,
                    fmt::format("unknown prepend_scheme \"{}\"; known: always, first, never", scheme), where);
    VITRINE_TRY(Regex regex, Regex::compile(escapeRegex(mark)));
    PreTokenizer splitter = splitByRegex(std::move(regex), Behavior::MergedWithNext, false);
    return PreTokenizer([=](SplitText& in) -> Result<void> {
        rewriteWords(in, [&](AlignedTextWriter& writer, const Span& word, bool first) {
            const std::string_view text =
                std::string_view(in.text.text).substr(word.begin, word.end - word.begin);
            const bool marked = text.starts_with(mark) || text.starts_with(' ');
            if (!marked && (scheme == "always" || (scheme == "first" && first)))
                writer.replace(word.begin, word.begin, mark);
            for (size_t i = word.begin; i < word.end; ++i)
                if (in.text.text[i] == ' ')
                    writer.replace(i, i + 1, mark);
                else
                    writer.keep(i, i + 1);
        });
        return doSplit ? splitter(in) : Result<void>();
    });
}

Result<PreTokenizer> readDigits(const Json& json, const std::string& where) {
    VITRINE_TRY(const bool single, jsonValueOr<bool>(json, "individual_digits", false, where));
    return splitByCharacter(single ? Behavior::Isolated : Behavior::Contiguous, unicode::isNumber);
}

Result<PreTokenizer> readPunctuation(const Json& json, const std::string& where) {
    VITRINE_TRY(const Behavior behavior, readBehavior(json, Behavior::Isolated, where));
    return splitByCharacter(behavior, unicode::isPunctuation);
}

// This one follows Unicode's definition of a word character (UTS 18, annex C), unlike \w in patterns.
constexpr const char* kUnicodeWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

Result<PreTokenizer> readWhitespace(const Json&, const std::string&) {
    VITRINE_TRY(Regex regex, Regex::compile(fmt::format(R"([{0}]+|[^{0}\s]+)", kUnicodeWord)));
    return splitByRegex(std::move(regex), Behavior::Removed, true);
}

Result<PreTokenizer> readWhitespaceSplit(const Json&, const std::string&) {
    return splitByCharacter(Behavior::Removed, unicode::isWhitespace);
}

Result<PreTokenizer> readBert(const Json&, const std::string&) {
    const PreTokenizer spaces = splitByCharacter(Behavior::Removed, unicode::isWhitespace);
    const PreTokenizer signs = splitByCharacter(Behavior::Isolated, unicode::isPunctuation);
    return PreTokenizer([=](SplitText& in) -> Result<void> {
        VITRINE_TRY_VOID(spaces(in));
        return signs(in);
    });
}

Result<PreTokenizer> readSequence(const Json& json, const std::string& where) {
    std::vector<PreTokenizer> parts;
    VITRINE_TRY(const Json list, jsonValue<Json>(json, "pretokenizers", where));
    for (const Json& item : list) {
        VITRINE_TRY(PreTokenizer part, readPreTokenizer(item, where));
        if (part)
            parts.push_back(std::move(part));
    }
    return PreTokenizer([parts](SplitText& in) -> Result<void> {
        for (const PreTokenizer& part : parts) {
            if (in.byteLevel)
                spellByteLevel(in);
            VITRINE_TRY_VOID(part(in));
        }
        return {};
    });
}

using Reader = Result<PreTokenizer> (*)(const Json&, const std::string&);
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> table = {{"BertPreTokenizer", readBert},
                                                        {"ByteLevel", readByteLevel},
                                                        {"Digits", readDigits},
                                                        {"Metaspace", readMetaspace},
                                                        {"Punctuation", readPunctuation},
                                                        {"Sequence", readSequence},
                                                        {"Split", readSplit},
                                                        {"Whitespace", readWhitespace},
                                                        {"WhitespaceSplit", readWhitespaceSplit}};
    return table;
}

}  // namespace

Result<PreTokenizer> readPreTokenizer(const Json& json, const std::string& where) {
    if (json.is_null())
        return PreTokenizer();
    VITRINE_TRY(const std::string kind, jsonValue<std::string>(json, "type", where));
    const auto found = readers().find(kind);
    if (found != readers().end())
        return found->second(json, where + "." + kind);
    std::string known;
    for (const auto& [name, reader] : readers())
        known += (known.empty() ? "" : ", ") + name;
    return fail(ErrorCode::UnknownFamily, fmt::format("unknown pre_tokenizer \"{}\"; known: {}", kind, known),
                where);
}

}  // namespace vitrine
