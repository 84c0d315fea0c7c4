// MambaVision (Hatamizadeh and Kautz 2024): how far do mixers reach, what does attention behind them add, and
// what is each step from Mamba's mixer to MambaVision's worth?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment mambaVisionClaim();

}  // namespace vitrine
