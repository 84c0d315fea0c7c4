// The weights of the dense model stay as they are; a mask is learnt from SparseGPT's on all texts, and one on
// the first text alone: the latter must win at home and lose abroad.
#include "core/claims/maskllm_claim.h"

#include "core/claims/language_pruning.h"
#include "core/language/calibration_windows.h"
#include "core/mask_learning/mask_objective.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 128, kSteps = 300, kBatch = 8, kLength = 96;
constexpr std::array kBaselines{PruneMethod::Random, PruneMethod::Magnitude, PruneMethod::Wanda,
                                PruneMethod::SparseGptMask, PruneMethod::SparseGpt};

using Metrics = std::map<std::string, double>;

Result<Metrics> learn(const LanguageGround& ground, const std::vector<LanguageTrainingText>& texts,
                      const NamedTensors& prior, const ClaimRequest& request) {
    MaskLearningOptions masking;
    masking.steps = scaled(kSteps, request);
    masking.seed = uint64_t(request.seed);
    auto model = ground.model->clone();
    VITRINE_TRY(const auto objective, MaskObjective::create(model->decoder(), masking, prior));
    LanguageTrainingOptions options = withMaskTrainingRates({});
    options.seed = masking.seed;
    options.length = std::min(kLength, ground.length);
    options.batch = kBatch;
    options.steps = masking.steps;
    options.device = ground.model->decoder().device();
    VITRINE_TRY(const auto trainer,
                LanguageTrainer::continueWith(options, texts, std::move(model), objective));
    while (trainer->step() < options.steps) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY([[maybe_unused]] const LanguageStepReport report, trainer->train());
        request.job->advance();
    }
    objective->settle();
    VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(trainer->model(), *request.job));
    Metrics metrics = loss.metrics();
    const MaskDiagnosis all = objective->masks().diagnose(masking.schedule.kappaEnd).back();
    metrics["largest probability"] = all.largestProbability;
    metrics["part of the mask changed from the prior"] = all.fromStart;
    // Of the texts learnt from: the soft loss is that of training. On others, groups that these texts leave
    // undecided do count, however settled the masks are.
    const at::Tensor ids =
        calibrationWindows(texts, kBatch, ground.length, kBatch, masking.seed + 1, options.device)[0];
    metrics["loss of soft less hard masks, one batch"] =
        objective->softLoss(trainer->model().decoder(), ids, options.steps) -
        objective->hardLoss(trainer->model().decoder(), ids);
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, openLanguageGround(request.device, *request.job));
    return measureMaskLlm(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto loss = [&](const std::string& arm) { return table.mean(arm, "loss"); };
    const char* const learnt = "maskllm";
    const char* const home = "maskllm on the first text";
    const auto apart = [&](const char* metric) {
        return table.mean(home, metric) - table.mean(learnt, metric);
    };
    double soft = 0;
    for (const char* arm : {learnt, home})
        for (const double value : table.values(arm, "loss of soft less hard masks, one batch"))
            soft = std::isnan(value) ? value : std::max(soft, std::abs(value));
    return {
        atMost("nats per token, MaskLLM less its prior, SparseGPT's mask",
               loss(learnt) - loss("sparsegpt_mask"), -0.04),
        atMost("nats per token, MaskLLM less SparseGPT with update", loss(learnt) - loss("sparsegpt"), 0),
        atMost("nats per token, SparseGPT with update less the best mask of one pass",
               loss("sparsegpt") - std::min({loss("magnitude"), loss("wanda"), loss("sparsegpt_mask")}), 0),
        atLeast("nats per token, random less the worst mask of one pass",
                loss("random") - std::max({loss("magnitude"), loss("wanda"), loss("sparsegpt_mask")}), 0.7),
        atLeast("largest probability at the end", table.mean(learnt, "largest probability"), 0.95),
        atMost("loss of soft less hard masks on one batch, largest", soft, 0.02),
        atMost("nats per token on the first text, mask learnt on it less mask of all texts",
               apart("loss at home"), 0),
        atLeast("nats per token on the other texts, mask learnt on the first less mask of all texts",
                apart("loss abroad"), 0)};
}

// The first text is home, the others are abroad.
void nameDomains(const LanguageGround& ground, Metrics& metrics) {
    for (const LanguageTrainingText& text : ground.texts) {
        const double loss = metrics["loss on " + text.name];
        if (text.name == ground.texts[0].name)
            metrics["loss at home"] = loss;
        else
            metrics["loss abroad"] += loss / double(ground.texts.size() - 1);
    }
}

}  // namespace

Result<ClaimMeasurement> measureMaskLlm(const LanguageGround& ground, const ClaimRequest& request) {
    if (ground.texts.size() < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} texts; masks of two domains are compared", ground.texts.size()));
    const uint64_t seed = uint64_t(request.seed);
    request.job->beginStage("learning masks", 2 * scaled(kSteps, request));
    ClaimMeasurement measurement;
    VITRINE_TRY(const HeldOutLoss dense, ground.heldOutLoss(*ground.model, *request.job));
    measurement.arms["dense"] = dense.metrics();
    NamedTensors prior;
    for (const PruneMethod method : kBaselines) {
        VITRINE_TRY(CompressedClone pruned,
                    compressedClone(ground, pruningPlan(method, seed), scaled(kWindows, request, 4), seed,
                                    *request.job));
        VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(*pruned.model, *request.job));
        measurement.arms[pruneMethodName(method)] = loss.metrics();
        if (method == PruneMethod::SparseGptMask)
            prior = std::move(pruned.masks);
    }
    VITRINE_TRY(measurement.arms["maskllm"], learn(ground, ground.texts, prior, request));
    VITRINE_TRY(measurement.arms["maskllm on the first text"],
                learn(ground, {ground.texts[0]}, prior, request));
    for (auto& [arm, metrics] : measurement.arms)
        nameDomains(ground, metrics);
    return measurement;
}

ClaimExperiment maskLlmClaim() {
    return {measure, judge};
}

}  // namespace vitrine
