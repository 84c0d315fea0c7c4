// MambaVision (Hatamizadeh and Kautz 2024): how far do mixers reach, and what does attention behind them add?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment mambaVisionClaim();

}  // namespace vitrine
