// The list of built-in families. Each family's file declares one function that describes it; adding a family
// means one line in families.cpp.
#pragma once

#include "core/models/model.h"

namespace vitrine {

std::vector<ModelFamily> builtInFamilies();

}  // namespace vitrine
