#include "core/base/json.h"

#include "core/base/file.h"

#include <cstdint>
#include <vector>

namespace vitrine {
namespace {

// Replaces the bare words Infinity, -Infinity and NaN outside strings by quoted ones.
std::string quoteNonFiniteNumbers(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    bool insideString = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (insideString) {
            out += c;
            if (c == '\\' && i + 1 < text.size())
                out += text[++i];
            else if (c == '"')
                insideString = false;
            continue;
        }
        if (c == '"')
            insideString = true;
        std::string_view word;
        for (std::string_view candidate : {"-Infinity", "Infinity", "NaN"})
            if (text.substr(i, candidate.size()) == candidate)
                word = candidate;
        if (word.empty()) {
            out += c;
        } else {
            out += '"';
            out += word;
            out += '"';
            i += word.size() - 1;
        }
    }
    return out;
}

template <typename T>
constexpr const char* expectedName();
template <>
constexpr const char* expectedName<bool>() {
    return "true or false";
}
template <>
constexpr const char* expectedName<int64_t>() {
    return "a whole number";
}
template <>
constexpr const char* expectedName<double>() {
    return "a number";
}
template <>
constexpr const char* expectedName<std::string>() {
    return "a string";
}
template <>
constexpr const char* expectedName<Json>() {
    return "a value";
}
template <>
constexpr const char* expectedName<std::vector<bool>>() {
    return "a list of true/false";
}
template <>
constexpr const char* expectedName<std::vector<int64_t>>() {
    return "a list of whole numbers";
}
template <>
constexpr const char* expectedName<std::vector<double>>() {
    return "a list of numbers";
}
template <>
constexpr const char* expectedName<std::vector<std::string>>() {
    return "a list of strings";
}
template <>
constexpr const char* expectedName<std::vector<Json>>() {
    return "a list";
}

bool holds(const Json& v, const bool*) {
    return v.is_boolean();
}
bool holds(const Json& v, const int64_t*) {
    return v.is_number_integer() ||
           (v.is_number_float() && v.get<double>() == double(int64_t(v.get<double>())));
}
bool holds(const Json& v, const double*) {
    return v.is_number() || v == "Infinity" || v == "-Infinity" || v == "NaN";
}
bool holds(const Json& v, const std::string*) {
    return v.is_string();
}
bool holds(const Json&, const Json*) {
    return true;
}
template <typename T>
bool holds(const Json& v, const std::vector<T>*) {
    if (!v.is_array())
        return false;
    for (const Json& item : v)
        if (!holds(item, static_cast<const T*>(nullptr)))
            return false;
    return true;
}

template <typename T>
T take(const Json& v) {
    if constexpr (std::is_same_v<T, double>) {
        if (v.is_string())
            return std::stod(v.get<std::string>());
    }
    return v.get<T>();
}

std::string shortened(const Json& v) {
    std::string text = v.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 60)
        text = text.substr(0, 57) + "...";
    return text;
}

}  // namespace

Result<Json> parseJson(std::string_view text, std::string_view where) {
    try {
        return Json::parse(text);
    } catch (const nlohmann::json::parse_error&) {
        // Tried second: rewriting every file first would cost more than the rare dialect is worth.
        try {
            return Json::parse(quoteNonFiniteNumbers(text));
        } catch (const nlohmann::json::parse_error& e) {
            const size_t at = std::min<size_t>(e.byte, text.size());
            const auto line = 1 + std::count(text.begin(), text.begin() + at, '\n');
            std::string reason = e.what();
            if (auto colon = reason.find(": "); colon != std::string::npos)
                reason = reason.substr(colon + 2);
            return fail(ErrorCode::InvalidFile,
                        fmt::format("not valid JSON at line {} (byte {}): {}", line, at, reason),
                        std::string(where), "Repair the file or fetch it again");
        }
    }
}

Result<Json> readJsonFile(const std::filesystem::path& path, size_t maxBytes) {
    VITRINE_TRY(std::string text, readFile(path, maxBytes));
    return parseJson(text, path.string());
}

template <typename T>
Result<T> jsonValue(const Json& json, std::string_view key, std::string_view where) {
    const auto it = json.is_object() ? json.find(std::string(key)) : json.end();
    if (!json.is_object() || it == json.end() || (it->is_null() && !std::is_same_v<T, Json>))
        return fail(ErrorCode::NotFound,
                    fmt::format("the key \"{}\" is missing; expected {}", key, expectedName<T>()),
                    std::string(where));
    if (!holds(*it, static_cast<const T*>(nullptr)))
        return fail(ErrorCode::InvalidFile,
                    fmt::format("\"{}\" must be {}, found {}", key, expectedName<T>(), shortened(*it)),
                    std::string(where));
    return take<T>(*it);
}

template <typename T>
Result<T> jsonValueOr(const Json& json, std::string_view key, T fallback, std::string_view where) {
    if (json.is_object()) {
        const auto it = json.find(std::string(key));
        if (it == json.end() || it->is_null())
            return fallback;
    }
    return jsonValue<T>(json, key, where);
}

#define VITRINE_JSON_TYPE(...)                                                               \
    template Result<__VA_ARGS__> jsonValue(const Json&, std::string_view, std::string_view); \
    template Result<__VA_ARGS__> jsonValueOr(const Json&, std::string_view, __VA_ARGS__, std::string_view);
VITRINE_JSON_TYPE(bool)
VITRINE_JSON_TYPE(int64_t)
VITRINE_JSON_TYPE(double)
VITRINE_JSON_TYPE(std::string)
VITRINE_JSON_TYPE(Json)
VITRINE_JSON_TYPE(std::vector<bool>)
VITRINE_JSON_TYPE(std::vector<int64_t>)
VITRINE_JSON_TYPE(std::vector<double>)
VITRINE_JSON_TYPE(std::vector<std::string>)
VITRINE_JSON_TYPE(std::vector<Json>)
#undef VITRINE_JSON_TYPE

}  // namespace vitrine
