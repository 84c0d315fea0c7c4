// Settings of a recipe under one heading of its form.
#pragma once

#include "core/base/json.h"

namespace vitrine {

// Adds the fields of the JSON object `fields` to `properties`, each marked with the heading it stands under.
inline void addSettingsGroup(Json& properties, const char* fields, const char* group) {
    const Json parsed = Json::parse(fields);
    for (const auto& [name, field] : parsed.items()) {
        properties[name] = field;
        properties[name]["group"] = group;
    }
}

}  // namespace vitrine
