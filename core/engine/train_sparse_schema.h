// Settings of the job "train-sparse".
#pragma once

#include "core/base/json.h"
#include "core/sparse_training/sparse_options.h"

namespace vitrine {

Json trainSparseSettingsSchema();

// Completed settings -> options; `classes` of the pictures. Errors name the setting.
Result<SparseTrainingOptions> sparseOptionsFrom(const Json& settings, int64_t classes, uint64_t seed);

}  // namespace vitrine
