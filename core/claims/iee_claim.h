// The claim of IEE: letting candidates learn before they are judged finds better sparse structures.
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment ieeClaim();

}  // namespace vitrine
