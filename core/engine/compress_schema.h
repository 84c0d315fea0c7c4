// Settings of the job kind "compress": their schema, and the plans that they describe.
#pragma once

#include "core/base/json.h"
#include "core/compress/compression_plan.h"

namespace vitrine {

Json compressSettingsSchema();

// One entry of settings["plans"]. Errors are those of names and of CompressionPlan::validate.
Result<CompressionPlan> compressionPlanFrom(const Json& entry, uint64_t seed);

}  // namespace vitrine
