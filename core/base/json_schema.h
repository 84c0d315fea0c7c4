// Validation of recipes, command arguments and manifests against a JSON Schema, with messages for people: the
// JSON path, what was expected, and the nearest valid key or value. The subset of draft 2020-12 that forms
// can be made from: type (also a list), properties, required, additionalProperties, items, enum, const,
// minimum, maximum, exclusiveMinimum, exclusiveMaximum, minItems, maxItems, minLength, pattern, anyOf, $ref
// to #/$defs/..., default. Annotations used by forms: title, description, and "unit".
#pragma once

#include "core/base/json.h"

#include <vector>

namespace vitrine {

struct SchemaProblem {
    std::string path;     // JSON path: "$.inputs[2].resolution"
    std::string message;  // what was expected and found
    std::string hint;     // "Did you mean \"resolution\"?"; may be empty
};

// Every problem of `value`; empty if it is valid. An object without "additionalProperties" refuses unknown
// keys: a misspelt key must never be ignored silently.
std::vector<SchemaProblem> validateJson(const Json& value, const Json& schema);

// The same as one error (InvalidArgument) that lists up to five problems; `where` is the file's path.
Result<void> checkJson(const Json& value, const Json& schema, std::string_view where);

// `value` with the schema's defaults put in for absent keys, recursively.
Json withDefaults(Json value, const Json& schema);

// Sets the value at `dottedPath` ("settings.layers[0]") to `text`, read as JSON where it parses, else as a
// string
// (`--set a.b=c`). Intermediate objects are created; an index must exist or be the next one.
Result<void> setAtPath(Json& value, std::string_view dottedPath, std::string_view text);

}  // namespace vitrine
