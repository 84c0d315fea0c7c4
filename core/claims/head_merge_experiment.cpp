// On the project's own language model, whose key/value heads have several query heads each (the byte model's
// have one): one query head of each group stays.
#include "core/claims/minitron_experiments.h"
#include "core/structured/head_merge.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 32, kEvaluationWindows = 24;

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(LanguageGround ground, openLanguageGround(request.device, *request.job));
    ground.evaluationWindows = std::min(ground.evaluationWindows, kEvaluationWindows);
    return measureHeadMerge(ground, request);
}

}  // namespace

Result<ClaimMeasurement> measureHeadMerge(const LanguageGround& ground, const ClaimRequest& request) {
    const LanguageModel& model = *ground.model;
    VITRINE_TRY(
        const StructureRanking ranking,
        rankStructures(model, ground.calibration(kWindows, uint64_t(request.seed)), {}, *request.job));
    const StructureSizes sizes{.heads = model.config().layers.front().attention.keyValueHeads};
    VITRINE_TRY(const SlicePlan plan, planFor(model.config(), ranking, sizes, {}));
    VITRINE_TRY(const SlicePlan order, sortedPlan(model.config(), ranking, {}));
    ClaimMeasurement measured;
    measured.seed = request.seed;
    request.job->beginStage("merging heads", 0);
    for (const HeadMerge how : {HeadMerge::None, HeadMerge::Residual, HeadMerge::Outputs}) {
        auto& metrics = measured.arms[fmt::format("fewer heads, merged: {}", headMergeName(how))];
        VITRINE_TRY(const auto merged, mergeHeads(model, plan, order, how));
        VITRINE_TRY(const auto student, sliceModel(*merged, plan));
        metrics["parameters"] = double(student->config().parameterCount());
        VITRINE_TRY(const HeldOutLoss cut, ground.heldOutLoss(*student, *request.job));
        metrics["loss as cut"] = cut.mean;
    }
    return measured;
}

ClaimExperiment headMergeExperiment() {
    return {measure, [](const ClaimTable&) { return std::vector<ClaimCheck>{}; }};
}

}  // namespace vitrine
