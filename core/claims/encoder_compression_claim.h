// Wanda and SparseGPT (2:4), EoRA, and fewer heads, hidden units, blocks and tokens, on a vision encoder: how
// far are its features from the dense encoder's, and what is left of a dense task?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment encoderCompressionClaim();

}  // namespace vitrine
