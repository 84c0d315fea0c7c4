// MaskLLM (Fang et al. 2024): masks learnt end to end against masks chosen in one pass.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

ClaimExperiment maskLlmClaim();
// The same on any model with at least two texts.
Result<ClaimMeasurement> measureMaskLlm(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
