// Cheap stand-ins for blocks or parts that were taken out (Siddiqui et al. 2024, section 4): the mean update
// b, or an affine map of rank r of the residual stream, x + U V x + b. The map is the exact optimum of the
// squared error of the update over the calibration tokens: T = FᵀX (XᵀX + λI)⁻¹ of the centred stream X and
// updates F, cut to rank r in the metric C^½ (as EoRA does), b = f̄ - T_r x̄. Fitted in order on the stream of
// the model as it is pruned so far.
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/language_model.h"
#include "core/structured/block_influence.h"

namespace vitrine {

struct EmulationOptions {
    Players players = Players::Blocks;
    int64_t rank = 0;     // 0: the mean update alone
    double ridge = 1e-4;  // λ, of the mean of the diagonal of XᵀX
};

struct EmulationReport {
    int64_t player = 0;
    // Part of the update's energy E|f|² that is left: without stand-in 1, by the mean, by the map.
    double leftByMean = 0, leftByMap = 0;
    int64_t addedParameters = 0;
};

struct EmulatedModel {
    std::unique_ptr<LanguageModel> model;
    std::vector<EmulationReport> reports;
};

// A copy of `model` with `removed` players replaced. Errors: a rank above the width, players that do not
// exist, no batch, Cancelled.
Result<EmulatedModel> emulateRemoved(const LanguageModel& model, const std::vector<int64_t>& removed,
                                     const std::vector<at::Tensor>& batches, const EmulationOptions& options,
                                     JobContext& job);

// The closed form alone. x, f (N, d) in front and added. Gives up (d, r), down (r, d) and bias (d); rank 0:
// bias only.
struct AffineUpdate {
    at::Tensor up, down, bias;
    double leftByMean = 0, leftByMap = 0;
};
Result<AffineUpdate> fitUpdate(const at::Tensor& x, const at::Tensor& f, int64_t rank, double ridge);

}  // namespace vitrine
