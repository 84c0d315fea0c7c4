// Settings of recipes of kind "distill". Apart from the job, so that forms and checks need no LibTorch.
// Annotations beyond the checks: "title", "description", "unit", "group" (forms), "format" (what a text or
// list names: "model", "pictures", "folder"), "live": true (may change while the job runs), "only_for" (what
// other settings must be for this one to count: a list of objects, of which one has to hold; each names
// settings by their path from the object that this one is in, and the values that let it count).
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json distillSettingsSchema();

}  // namespace vitrine
