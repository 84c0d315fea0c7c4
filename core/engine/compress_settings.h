// Settings of recipes of kind "compress". Apart from the job, so that forms and checks need no LibTorch.
// Annotations as in distill_schema.h.
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json compressSettingsSchema();

}  // namespace vitrine
