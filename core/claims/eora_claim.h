// EoRA (Liu et al. 2024): a low-rank path in the eigenspace of the inputs repairs what compression broke.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"

namespace vitrine {

ClaimExperiment eoraClaim();
// The same on any model.
Result<ClaimMeasurement> measureEora(const LanguageGround& ground, const ClaimRequest& request);

}  // namespace vitrine
