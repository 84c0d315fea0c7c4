// What a row of structures.json says of what was taken out of a student and of its stand-ins.
#pragma once

#include "core/base/json.h"
#include "widgets/compress/structures_view.h"

namespace vitrine {

void readRemoval(const Json& row, StructureStudent& student);

}  // namespace vitrine
