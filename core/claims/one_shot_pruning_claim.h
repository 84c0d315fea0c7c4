// 2:4 masks chosen in one pass (magnitude, Wanda, SparseGPT): how much of a language model do they leave?
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

ClaimExperiment oneShotPruningClaim();
// The same on any model.
Result<ClaimMeasurement> measureOneShotPruning(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
