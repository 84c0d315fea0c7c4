// What one run of the job "compress" does to a model, plan by plan, and the controls beside them.
#pragma once

#include "core/base/json.h"
#include "core/compress/compression_plan.h"
#include "core/compress/vit_structures.h"

namespace vitrine {

struct NamedPlan {
    std::string name;  // unique in the run
    CompressionPlan plan;
    bool control = false;
};

// settings["plans"], behind them a random mask of each pattern where settings["controls"] asks for it.
Result<std::vector<NamedPlan>> compressPlansFrom(const Json& settings, uint64_t seed);
// The same with structures by chance.
VitStructurePlan controlOf(VitStructurePlan plan);
// settings["structures"], each with its random control behind it; token methods of one part share theirs.
Result<std::vector<VitStructurePlan>> structurePlansFrom(const Json& settings, uint64_t seed);

}  // namespace vitrine
