// RADIOv2.5 (Heinrich et al. 2025) beside the mode switch (mode_switch_claim.cpp): the experiments that its
// claim is joined from, each with arms of its own and its part of the pass rule.
#pragma once

#include "core/claims/claim_experiments.h"

namespace vitrine {

// A small student of a large teacher with artefacts at fixed places: targets cut out of mosaics against the
// teacher's map of each picture, resized.
ClaimExperiment mosaicExperiment();
// Final tokens of pictures with large flat regions, made fewer: merging against pooling and chance.
ClaimExperiment mergingExperiment();

}  // namespace vitrine
