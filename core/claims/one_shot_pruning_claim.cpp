// Each method prunes the same model to 2:4; what differs between seeds are the windows that it is calibrated
// on, and the random control.
#include "core/claims/one_shot_pruning_claim.h"

#include "core/claims/language_pruning.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 128;  // as published
constexpr std::array kMethods{PruneMethod::Random, PruneMethod::Magnitude, PruneMethod::Wanda,
                              PruneMethod::SparseGptMask, PruneMethod::SparseGpt};

// Neither looks at inputs; the driver wants some all the same.
bool isBlind(PruneMethod method) {
    return method == PruneMethod::Random || method == PruneMethod::Magnitude;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, openLanguageGround(request.device, *request.job));
    return measureOneShotPruning(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto loss = [&](const char* arm) { return table.mean(arm, "loss"); };
    const double bestMask = std::min({loss("magnitude"), loss("wanda"), loss("sparsegpt_mask")});
    return {atMost("nats per token, SparseGPT less Wanda", loss("sparsegpt") - loss("wanda"), -0.03),
            atMost("nats per token, Wanda less a random mask", loss("wanda") - loss("random"), -0.7),
            atMost("nats per token, SparseGPT less the best mask without update",
                   loss("sparsegpt") - bestMask, 0),
            atLeast("nats per token, SparseGPT less dense", loss("sparsegpt") - loss("dense"), 0)};
}

}  // namespace

Result<ClaimMeasurement> measureOneShotPruning(const LanguageGround& ground, const ClaimRequest& request) {
    request.job->beginStage("pruning by each method", int64_t(kMethods.size()) + 1);
    ClaimMeasurement measurement;
    VITRINE_TRY(const HeldOutLoss dense, ground.heldOutLoss(*ground.model, *request.job));
    measurement.arms["dense"] = dense.metrics();
    request.job->advance();
    const uint64_t seed = uint64_t(request.seed);
    for (const PruneMethod method : kMethods) {
        const int64_t windows = isBlind(method) ? 1 : scaled(kWindows, request, 4);
        VITRINE_TRY(const CompressedClone pruned,
                    compressedClone(ground, pruningPlan(method, seed), windows, seed, *request.job));
        VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(*pruned.model, *request.job));
        measurement.arms[pruneMethodName(method)] = loss.metrics();
        request.job->advance();
    }
    return measurement;
}

ClaimExperiment oneShotPruningClaim() {
    return {measure, judge};
}

}  // namespace vitrine
