// Puzzle (Bercovich et al. 2024): the best architecture of a library of blocks under a budget.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

ClaimExperiment puzzleClaim();
// The same on any model whose layers are alike.
Result<ClaimMeasurement> measurePuzzle(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
