// Plans of the job kind "compress", as its settings describe them.
#pragma once

#include "core/compress/compression_plan.h"
#include "core/engine/compress_settings.h"

namespace vitrine {

// One entry of settings["plans"]. Errors are those of names and of CompressionPlan::validate.
Result<CompressionPlan> compressionPlanFrom(const Json& entry, uint64_t seed);

}  // namespace vitrine
