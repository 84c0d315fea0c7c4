// What jobs that compare ways of treating feature maps keep in their run.
#pragma once

#include "core/base/json.h"
#include "core/features/pca.h"
#include "core/runs/run_context.h"

namespace vitrine {

// The map's (C, h, w) picture in the colours of the encoder's own basis, as the PNG `name` (without ending).
Result<void> keepPcaPicture(RunContext& run, const std::string& name, const at::Tensor& map,
                            const PcaBasis& basis);
// NAME.json (the result), NAME.csv (its table) and times.json: times differ from run to run and are no part
// of the result.
Result<void> keepComparison(RunContext& run, const std::string& name, const Json& result,
                            const std::string& csv, const Json& times);

}  // namespace vitrine
