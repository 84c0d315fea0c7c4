// Settings of the job "train-incremental".
#pragma once

#include "core/base/json.h"
#include "core/warm_start/incremental_trainer.h"

namespace vitrine {

Json trainIncrementalSettingsSchema();

// Completed settings -> options; `classes` of the pictures. Errors name the setting.
Result<IncrementalOptions> incrementalOptionsFrom(const Json& settings, int64_t classes, uint64_t seed);

}  // namespace vitrine
