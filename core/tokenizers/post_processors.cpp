#include "core/tokenizers/post_processors.h"

#include <map>

namespace vitrine {
namespace {

Result<SpecialFrame> readTemplate(const Json& json, const std::string& where) {
    SpecialFrame frame;
    bool textSeen = false;
    VITRINE_TRY(const Json single, jsonValue<Json>(json, "single", where));
    for (const Json& item : single) {
        if (item.is_object() && item.contains("Sequence")) {
            if (textSeen)
                return fail(ErrorCode::Unsupported, "the template repeats the text", where + ".single");
            textSeen = true;
            continue;
        }
        VITRINE_TRY(const Json special, jsonValue<Json>(item, "SpecialToken", where + ".single"));
        VITRINE_TRY(const std::string name, jsonValue<std::string>(special, "id", where + ".single"));
        VITRINE_TRY(const Json table, jsonValue<Json>(json, "special_tokens", where));
        VITRINE_TRY(const Json entry, jsonValue<Json>(table, name, where + ".special_tokens"));
        VITRINE_TRY(const auto ids,
                    jsonValue<std::vector<int64_t>>(entry, "ids", where + ".special_tokens." + name));
        auto& side = textSeen ? frame.after : frame.before;
        side.insert(side.end(), ids.begin(), ids.end());
    }
    if (!textSeen)
        return fail(ErrorCode::Unsupported, "the template leaves the text out", where + ".single");
    return frame;
}

Result<int64_t> idOfPair(const Json& json, const char* key, const std::string& where) {
    VITRINE_TRY(const Json pair, jsonValue<Json>(json, key, where));
    if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_integer())
        return fail(ErrorCode::InvalidFile,
                    fmt::format("\"{}\" must be [token, id], found {}", key, pair.dump()), where);
    return pair[1].get<int64_t>();
}

Result<SpecialFrame> readClsSep(const Json& json, const std::string& where) {
    VITRINE_TRY(const int64_t cls, idOfPair(json, "cls", where));
    VITRINE_TRY(const int64_t sep, idOfPair(json, "sep", where));
    return SpecialFrame{{cls}, {sep}};
}

Result<SpecialFrame> readByteLevel(const Json&, const std::string&) {
    return SpecialFrame{};  // trims reported offsets only; ours name the bytes that a token was made of
}

Result<SpecialFrame> readSequence(const Json& json, const std::string& where) {
    SpecialFrame frame;
    VITRINE_TRY(const Json list, jsonValue<Json>(json, "processors", where));
    for (const Json& item : list) {
        VITRINE_TRY(const SpecialFrame part, readPostProcessor(item, where));
        frame.before.insert(frame.before.begin(), part.before.begin(), part.before.end());
        frame.after.insert(frame.after.end(), part.after.begin(), part.after.end());
    }
    return frame;
}

using Reader = Result<SpecialFrame> (*)(const Json&, const std::string&);
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> table = {{"BertProcessing", readClsSep},
                                                        {"ByteLevel", readByteLevel},
                                                        {"RobertaProcessing", readClsSep},
                                                        {"Sequence", readSequence},
                                                        {"TemplateProcessing", readTemplate}};
    return table;
}

}  // namespace

Result<SpecialFrame> readPostProcessor(const Json& json, const std::string& where) {
    if (json.is_null())
        return SpecialFrame{};
    VITRINE_TRY(const std::string kind, jsonValue<std::string>(json, "type", where));
    const auto found = readers().find(kind);
    if (found != readers().end())
        return found->second(json, where + "." + kind);
    std::string known;
    for (const auto& [name, reader] : readers())
        known += (known.empty() ? "" : ", ") + name;
    return fail(ErrorCode::UnknownFamily,
                fmt::format("unknown post_processor \"{}\"; known: {}", kind, known), where);
}

}  // namespace vitrine
