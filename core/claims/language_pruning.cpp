#include "core/claims/language_pruning.h"

#include "core/compress/compression_driver.h"
#include "core/compress/decoder_blocks.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

Result<CompressedClone> compressedClone(const LanguageGround& ground, const CompressionPlan& plan,
                                        int64_t windows, uint64_t seed, JobContext& job) {
    CompressedClone clone;
    clone.model = ground.model->clone();
    DecoderBlocks blocks(clone.model->decoder(), ground.calibration(windows, seed));
    JobContext quiet(job.stopToken(), {});
    VITRINE_TRY([[maybe_unused]] const DriverReport report,
                compressModel(blocks, plan, quiet, [&](CompressedLayer&& layer) -> Result<void> {
                    if (layer.mask.defined())
                        clone.masks[layer.report.name] = layer.mask;
                    clone.layers.push_back(std::move(layer.report));
                    return {};
                }));
    return clone;
}

CompressionPlan pruningPlan(PruneMethod method, uint64_t seed) {
    CompressionPlan plan;
    plan.prune = method;
    plan.pattern = SparsityPattern::nOfM(2, 4);
    plan.measureErrors = false;
    plan.seed = seed;
    return plan;
}

int64_t scaled(int64_t full, const ClaimRequest& request, int64_t least) {
    return std::max<int64_t>(least, scaledSteps(full, request));
}

}  // namespace vitrine
