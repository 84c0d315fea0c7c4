// Flextron (Cai et al. 2024): one set of weights for many sizes, with routers that shape each of them.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

ClaimExperiment flextronClaim();
// The same on any model.
Result<ClaimMeasurement> measureFlextron(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
