// The project's JSON type and reading JSON with errors a person can act on.
#pragma once

#include "core/base/result.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace vitrine {

using Json = nlohmann::ordered_json;

// Parses `text`; `where` (a path) is put into the error together with line and column. Model configurations
// may hold a bare Infinity, -Infinity or NaN (Python's dialect): these become strings "Infinity",
// "-Infinity", "NaN".
Result<Json> parseJson(std::string_view text, std::string_view where);

// Reads and parses a file of at most `maxBytes`.
Result<Json> readJsonFile(const std::filesystem::path& path, size_t maxBytes = 256u << 20);

// Value of `key` in object `json` as T, or an error naming `where`/key, what was expected and what was found.
// A missing key yields `fallback` where one is given, else NotFound. T: bool, int64_t, double, std::string,
// Json or a vector of these.
template <typename T>
Result<T> jsonValue(const Json& json, std::string_view key, std::string_view where);
template <typename T>
Result<T> jsonValueOr(const Json& json, std::string_view key, T fallback, std::string_view where);

}  // namespace vitrine
