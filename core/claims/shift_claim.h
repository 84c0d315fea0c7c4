// C-RADIOv4 (2026): do independently shifted crops keep a teacher's position-locked noise out of the student?
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment shiftClaim();

}  // namespace vitrine
