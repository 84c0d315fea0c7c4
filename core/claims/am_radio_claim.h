// AM-RADIO (Ranzinger et al. 2024): one student of three teachers that each know one thing, against each of
// them, and against students without the feature losses and without cropped positions.
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

ClaimExperiment amRadioClaim();

}  // namespace vitrine
