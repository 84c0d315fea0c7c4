// A claim of several experiments: each measures arms of its own and judges its part of the pass rule.
#pragma once

#include "core/claims/claim_experiments.h"

#include <vector>

namespace vitrine {

// Measures the parts one after the other; no two may name an arm alike.
ClaimExperiment joinedExperiments(const std::vector<ClaimExperiment>& parts);

}  // namespace vitrine
