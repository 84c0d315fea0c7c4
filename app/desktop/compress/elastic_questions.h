// What a run that trained one model for many sizes (train-elastic) found, or has found so far.
#pragma once

#include "core/runs/run_store.h"
#include "widgets/compress/elastic_view.h"

namespace vitrine {

// What its report (sizes.json) says. InvalidFile names what is missing.
Result<ElasticResults> elasticOf(const Json& report);
// What one that is still at work measured last, the largest budget first.
Result<std::vector<ElasticSize>> elasticSizesSoFar(const Project& project, const Run& run);

}  // namespace vitrine
