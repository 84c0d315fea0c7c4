// Minitron (Muralidharan et al. 2024; Sreenivas et al. 2024): what to cut, and how to teach what is left.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

// On the byte model, trained for each seed; joined with minitron_experiments.h.
ClaimExperiment minitronClaim();
// Its cuts and teachings on any model whose layers are alike; the checks of the claim's first part.
Result<ClaimMeasurement> measureMinitron(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
