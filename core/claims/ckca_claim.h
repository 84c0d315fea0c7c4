// The claim of CKCA: a network that goes on from what it knew learns new data better when its features and
// its logits are held to what they were.
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment ckcaClaim();

}  // namespace vitrine
