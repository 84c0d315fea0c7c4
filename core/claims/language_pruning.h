// Compressing the model of a LanguageGround, as the arms of claims.
#pragma once

#include "core/claims/claim_experiments.h"
#include "core/claims/language_ground.h"
#include "core/compress/layer_compressor.h"
#include "core/compress/mask_set.h"

namespace vitrine {

struct CompressedClone {
    std::unique_ptr<LanguageModel> model;
    NamedTensors masks;  // by layer name, where the plan prunes
    std::vector<LayerReport> layers;
};

// A clone of the ground's model, compressed by `plan` and calibrated on `windows` windows drawn with `seed`.
// Reports to no stage of `job`, and stops when it does.
Result<CompressedClone> compressedClone(const LanguageGround& ground, const CompressionPlan& plan,
                                        int64_t windows, uint64_t seed, JobContext& job);

// 2:4 by one method, nothing else.
CompressionPlan pruningPlan(PruneMethod method, uint64_t seed);
// `full` times the request's scale, at least `least`.
int64_t scaled(int64_t full, const ClaimRequest& request, int64_t least = 1);

}  // namespace vitrine
