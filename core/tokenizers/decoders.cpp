#include "core/tokenizers/decoders.h"

#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/regex.h"
#include "core/tokenizers/unicode.h"

#include <array>
#include <map>
#include <optional>

namespace vitrine {
namespace {

using Tokens = std::vector<std::string>;

std::string replaceAll(std::string_view text, std::string_view pattern, std::string_view content) {
    std::string out;
    size_t kept = 0;
    if (!pattern.empty())
        for (size_t at; (at = text.find(pattern, kept)) != std::string_view::npos;
             kept = at + pattern.size()) {
            out += text.substr(kept, at - kept);
            out += content;
        }
    out += text.substr(kept);
    return out;
}

Result<void> decodeByteLevel(Tokens& tokens) {
    std::string bytes;
    for (const std::string& token : tokens)
        bytes += fromByteLevel(token).value_or(token);
    tokens = {unicode::sanitizeUtf8(bytes)};
    return {};
}

Result<void> decodeByteFallback(Tokens& tokens) {
    Tokens out;
    std::string bytes;
    const auto flush = [&] {
        if (unicode::isValidUtf8(bytes))
            out.push_back(bytes);
        else
            out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
        bytes.clear();
    };
    for (std::string& token : tokens) {
        if (const int value = byteTokenValue(token); value >= 0) {
            bytes += static_cast<char>(value);
            continue;
        }
        if (!bytes.empty())
            flush();
        out.push_back(std::move(token));
    }
    if (!bytes.empty())
        flush();
    tokens = std::move(out);
    return {};
}

Result<void> fuse(Tokens& tokens) {
    std::string joined;
    for (const std::string& token : tokens)
        joined += token;
    tokens = {std::move(joined)};
    return {};
}

// English contractions and signs as BERT's decoder writes them.
std::string cleanUp(std::string text) {
    static constexpr std::array<std::array<std::string_view, 2>, 11> rules = {{{" .", "."},
                                                                               {" ?", "?"},
                                                                               {" !", "!"},
                                                                               {" ,", ","},
                                                                               {" ' ", "'"},
                                                                               {" n't", "n't"},
                                                                               {" 'm", "'m"},
                                                                               {" do not", " don't"},
                                                                               {" 's", "'s"},
                                                                               {" 've", "'ve"},
                                                                               {" 're", "'re"}}};
    for (const auto& [pattern, content] : rules)
        text = replaceAll(text, pattern, content);
    return text;
}

Result<Decoder> readWordPiece(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string prefix, jsonValueOr<std::string>(json, "prefix", "##", where));
    VITRINE_TRY(const bool clean, jsonValueOr<bool>(json, "cleanup", true, where));
    return Decoder([=](Tokens& tokens) -> Result<void> {
        for (size_t i = 0; i < tokens.size(); ++i) {
            if (i > 0)
                tokens[i] = tokens[i].starts_with(prefix) ? tokens[i].substr(prefix.size()) : " " + tokens[i];
            if (clean)
                tokens[i] = cleanUp(std::move(tokens[i]));
        }
        return {};
    });
}

Result<Decoder> readMetaspace(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string mark, jsonValueOr<std::string>(json, "replacement", "\xE2\x96\x81", where));
    VITRINE_TRY(const std::string scheme, jsonValueOr<std::string>(json, "prepend_scheme", "always", where));
    VITRINE_TRY(const bool prefix, jsonValueOr<bool>(json, "add_prefix_space", true, where));
    const bool dropFirst = prefix && scheme != "never";
    return Decoder([=](Tokens& tokens) -> Result<void> {
        for (size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = replaceAll(tokens[i], mark, i == 0 && dropFirst ? "" : " ");
        return {};
    });
}

Result<Decoder> readBpe(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string suffix, jsonValueOr<std::string>(json, "suffix", "</w>", where));
    return Decoder([=](Tokens& tokens) -> Result<void> {
        for (size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = replaceAll(tokens[i], suffix, i + 1 < tokens.size() ? " " : "");
        return {};
    });
}

Result<Decoder> readStrip(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string content, jsonValue<std::string>(json, "content", where));
    VITRINE_TRY(const int64_t start, jsonValueOr<int64_t>(json, "start", 0, where));
    VITRINE_TRY(const int64_t stop, jsonValueOr<int64_t>(json, "stop", 0, where));
    if (content.empty())
        return fail(ErrorCode::InvalidFile, "the Strip decoder needs a character in \"content\"", where);
    return Decoder([=](Tokens& tokens) -> Result<void> {
        for (std::string& token : tokens) {
            std::string_view rest = token;
            for (int64_t i = 0; i < start && rest.starts_with(content); ++i)
                rest.remove_prefix(content.size());
            for (int64_t i = 0; i < stop && rest.ends_with(content); ++i)
                rest.remove_suffix(content.size());
            token = std::string(rest);
        }
        return {};
    });
}

Result<std::string> replaceRegex(const Regex& regex, const std::string& content, const std::string& text) {
    std::string out;
    size_t kept = 0, from = 0;
    while (from <= text.size()) {
        VITRINE_TRY(const Regex::Match match, regex.find(text, from));
        if (!match.found)
            break;
        out.append(text, kept, match.begin - kept);
        out += content;
        kept = from = match.end;
        if (match.end == match.begin)
            from += from < text.size() ? unicode::characterBytes(static_cast<unsigned char>(text[from])) : 1;
    }
    return out.append(text, kept, std::string::npos);
}

Result<Decoder> readReplace(const Json& json, const std::string& where) {
    VITRINE_TRY(const std::string content, jsonValue<std::string>(json, "content", where));
    VITRINE_TRY(const Json pattern, jsonValue<Json>(json, "pattern", where));
    std::string literal;
    std::optional<Regex> regex;
    if (pattern.is_object() && pattern.contains("Regex")) {
        VITRINE_TRY(const std::string expression, jsonValue<std::string>(pattern, "Regex", where));
        VITRINE_TRY(regex, Regex::compile(expression));
    } else {
        VITRINE_TRY(literal, jsonValue<std::string>(pattern, "String", where));
    }
    return Decoder([=](Tokens& tokens) -> Result<void> {
        for (std::string& token : tokens) {
            if (!regex) {
                token = replaceAll(token, literal, content);
                continue;
            }
            VITRINE_TRY(token, replaceRegex(*regex, content, unicode::sanitizeUtf8(token)));
        }
        return {};
    });
}

Result<Decoder> readSequence(const Json& json, const std::string& where) {
    std::vector<Decoder> parts;
    VITRINE_TRY(const Json list, jsonValue<Json>(json, "decoders", where));
    for (const Json& item : list) {
        VITRINE_TRY(Decoder part, readDecoder(item, where));
        if (part)
            parts.push_back(std::move(part));
    }
    return Decoder([parts](Tokens& tokens) -> Result<void> {
        for (const Decoder& part : parts)
            VITRINE_TRY_VOID(part(tokens));
        return {};
    });
}

using Reader = Result<Decoder> (*)(const Json&, const std::string&);
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> table = {
        {"BPEDecoder", readBpe},
        {"ByteFallback",
         [](const Json&, const std::string&) -> Result<Decoder> { return Decoder(decodeByteFallback); }},
        {"ByteLevel",
         [](const Json&, const std::string&) -> Result<Decoder> { return Decoder(decodeByteLevel); }},
        {"Fuse", [](const Json&, const std::string&) -> Result<Decoder> { return Decoder(fuse); }},
        {"Metaspace", readMetaspace},
        {"Replace", readReplace},
        {"Sequence", readSequence},
        {"Strip", readStrip},
        {"WordPiece", readWordPiece}};
    return table;
}

}  // namespace

int byteTokenValue(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
        return -1;
    int value = 0;
    for (const char c : token.substr(3, 2)) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

Result<Decoder> readDecoder(const Json& json, const std::string& where) {
    if (json.is_null())
        return Decoder();
    VITRINE_TRY(const std::string kind, jsonValue<std::string>(json, "type", where));
    const auto found = readers().find(kind);
    if (found != readers().end())
        return found->second(json, where + "." + kind);
    std::string known;
    for (const auto& [name, reader] : readers())
        known += (known.empty() ? "" : ", ") + name;
    return fail(ErrorCode::UnknownFamily, fmt::format("unknown decoder \"{}\"; known: {}", kind, known),
                where);
}

}  // namespace vitrine
