// Settings of recipes of kind "distill". Apart from the job, so that forms and checks need no LibTorch.
// Annotations beyond the checks: "title", "description", "unit", "group" (forms), "format" (what a text or
// list names: "model", "pictures", "folder"), "live": true (may change while the job runs).
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json distillSettingsSchema();

}  // namespace vitrine
