// Adapters for one task or domain on weights that were compressed once: EoRA's low-rank paths, calibrated on
// other text than the compression (Liu et al. 2024, section 3).
#pragma once

#include "core/claims/language_ground.h"

namespace vitrine {

// What `compressed`, made from the ground's model, computes with paths of rank `rank` that repair it for the
// calibration windows of the ground's texts: weights Ŵ + B A. Block after block, as the paths in front leave
// the inputs. `compressed` stays as it is. Errors: those of compensate, with the layer.
Result<std::unique_ptr<LanguageModel>> withAdapter(const LanguageGround& ground, LanguageModel& compressed,
                                                   int64_t rank, int64_t windows, uint64_t seed,
                                                   JobContext& job);

}  // namespace vitrine
