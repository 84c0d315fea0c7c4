// Reading configuration fields that may be absent or null.
#pragma once

#include "core/base/json.h"

#include <optional>

namespace vitrine::radio {

// Value of `key`; nothing where it is absent or null; an error naming the path where its type is wrong.
template <typename T>
Result<std::optional<T>> optionalField(const Json& json, const std::string& key, const std::string& where) {
    if (!json.is_object() || !json.contains(key) || json.at(key).is_null())
        return std::optional<T>();
    VITRINE_TRY(T value, jsonValue<T>(json, key, where));
    return std::optional<T>(std::move(value));
}

// Object under `key`, or an empty one.
inline const Json& objectField(const Json& json, const std::string& key) {
    static const Json empty = Json::object();
    return json.is_object() && json.contains(key) && json.at(key).is_object() ? json.at(key) : empty;
}

}  // namespace vitrine::radio
