// Paths as recipes and --set write them ("teachers[0].feature_weight").
#pragma once

#include "core/base/json.h"

#include <string>

namespace vitrine {

// The same place as a JSON pointer ("/teachers/0/feature_weight"); the whole value for an empty path.
Json::json_pointer pointerOfPath(const std::string& path);

}  // namespace vitrine
