// MambaVision (Hatamizadeh and Kautz 2024) beside reach and lookup (mamba_vision_claim.cpp): the experiment
// that its claim is joined with.
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

// From Mamba's mixer to MambaVision's in three steps: shape classification by a small MambaVision.
ClaimExperiment mixerExperiment();

}  // namespace vitrine
