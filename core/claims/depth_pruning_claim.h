// Depth pruning (Siddiqui et al. 2024): which blocks can go, and what may stand in for them.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

// On the byte model, trained for each seed.
ClaimExperiment depthPruningClaim();
// The same on any model of at least four layers and two texts.
Result<ClaimMeasurement> measureDepthPruning(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
