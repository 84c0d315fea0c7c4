// Minitron (Muralidharan et al. 2024; Sreenivas et al. 2024): what to cut, and how to teach what is left.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

ClaimExperiment minitronClaim();
// The same on any model whose layers are alike.
Result<ClaimMeasurement> measureMinitron(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
