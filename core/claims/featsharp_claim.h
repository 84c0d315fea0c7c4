// FeatSharp (Ranzinger et al. 2025): do tiles, a guided map and a de-bias buffer together give the finest
// faithful features?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment featSharpClaim();

}  // namespace vitrine
