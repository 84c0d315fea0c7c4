// RADIOv2.5 (Heinrich et al. 2025): does teaching every teacher at every resolution cure the mode switch?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment modeSwitchClaim();

}  // namespace vitrine
