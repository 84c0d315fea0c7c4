#include "core/tokenizers/tokenizer_json.h"
#include "core/tokenizers/unicode.h"

#include <algorithm>

namespace vitrine {
namespace {

using FastJson = nlohmann::json;  // keeps keys in a tree

Result<FastJson> parseFast(const std::string& text, const std::string& where) {
    try {
        return FastJson::parse(text);
    } catch (const FastJson::parse_error& error) {
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the file is no valid JSON (byte {}): {}", error.byte,
                                unicode::sanitizeUtf8(error.what())),
                    where, "Copy or download the file again.");
    }
}

Result<std::vector<std::pair<std::string, int64_t>>> takeVocabulary(const FastJson& table,
                                                                    const std::string& where) {
    std::vector<std::pair<std::string, int64_t>> out;
    out.reserve(table.size());
    for (const auto& [token, id] : table.items()) {
        if (!id.is_number_integer())
            return fail(ErrorCode::InvalidFile, fmt::format("token \"{}\" has no whole number as id", token),
                        where);
        out.emplace_back(token, id.get<int64_t>());
    }
    return out;
}

Result<std::vector<std::pair<std::string, std::string>>> takeMerges(const FastJson& list,
                                                                    const std::string& where) {
    std::vector<std::pair<std::string, std::string>> merges;
    if (!list.is_array())
        return fail(ErrorCode::InvalidFile, "\"merges\" must be a list", where);
    merges.reserve(list.size());
    for (const FastJson& item : list) {
        if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
            merges.emplace_back(item[0].get<std::string>(), item[1].get<std::string>());
            continue;
        }
        const std::string text = item.is_string() ? item.get<std::string>() : std::string();
        const size_t space = text.find(' ');
        if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("merge {} (\"{}\") is not a pair of tokens", merges.size(), text), where);
        merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    }
    return merges;
}

}  // namespace

std::optional<int64_t> TokenizerDefinition::find(std::string_view token) const {
    const auto found = std::find_if(vocabulary.begin(), vocabulary.end(),
                                    [&](const auto& entry) { return entry.first == token; });
    return found == vocabulary.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

Result<TokenizerDefinition> parseTokenizerJson(const std::string& text, const std::string& where) {
    VITRINE_TRY(FastJson json, parseFast(text, where));
    TokenizerDefinition out;
    if (json.is_object() && json.contains("model") && json["model"].is_object()) {
        FastJson& model = json["model"];
        if (model.contains("vocab") && model["vocab"].is_object()) {
            VITRINE_TRY(out.vocabulary, takeVocabulary(model["vocab"], where + ": model.vocab"));
            model.erase("vocab");
        }
        if (model.contains("merges")) {
            VITRINE_TRY(out.merges, takeMerges(model["merges"], where + ": model.merges"));
            model.erase("merges");
        }
    }
    if (json.is_object() && (json.contains("model") || json.contains("config")))
        out.json = Json(json);
    else
        return fail(ErrorCode::InvalidFile, "the file holds no \"model\" and is not a tokenizer.json", where);
    return out;
}

Result<std::vector<std::pair<std::string, int64_t>>> parseVocabularyJson(const std::string& text,
                                                                         const std::string& where) {
    VITRINE_TRY(const FastJson json, parseFast(text, where));
    if (!json.is_object())
        return fail(ErrorCode::InvalidFile, "the file must map tokens to ids", where);
    return takeVocabulary(json, where);
}

}  // namespace vitrine
