// JSON schemas of the arguments of commands, and reading them.
#pragma once

#include "core/base/json.h"

#include <QString>

namespace vitrine {

// An object of these properties and no others.
Json argumentSchema(const Json& properties);
Json textArgument(const char* description);
Json countArgument(const char* description);  // a whole number, 0 or more
// Empty if it was not given.
QString textIn(const Json& arguments, const char* key);

}  // namespace vitrine
