// PHI-S (Ranzinger et al. 2024): which normalisation of the targets balances teachers of unequal loudness?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment phiSClaim();

}  // namespace vitrine
