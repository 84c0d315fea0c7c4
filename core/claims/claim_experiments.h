// The experiments behind the claims, bound to the catalogue by name.
#pragma once

#include "core/base/job_context.h"
#include "core/claims/claim.h"

#include <functional>

namespace vitrine {

struct ClaimRequest {
    int64_t seed = 0;
    double scale = 1;            // share of the full training steps; tests take less. Rules are made for 1.
    std::string device = "cpu";  // cpu, cuda or cuda:N
    JobContext* job = nullptr;   // never null while measuring
};

// `steps` of the request's scale, at least one.
int64_t scaledSteps(int64_t steps, const ClaimRequest& request);
// Of `whole` pictures or timings, how many short versions measure: a tenth at least.
int64_t scaledCount(int64_t whole, const ClaimRequest& request);

struct ClaimExperiment {
    std::function<Result<ClaimMeasurement>(const ClaimRequest&)> measure;
    std::function<std::vector<ClaimCheck>(const ClaimTable&)> judge;
};

// Null if no experiment has that name.
const ClaimExperiment* claimExperiment(const std::string& name);

}  // namespace vitrine
