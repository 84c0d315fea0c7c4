// 2:4, 3-bit and 2-bit weights without a path and with one of rank width / 4, made in three ways. EoRA says
// beforehand what error it leaves over the calibrated inputs; that is held against the error measured. And
// paths for one 2:4 model that are calibrated on one text each: each must be the better one at home.
#include "core/claims/eora_claim.h"

#include "core/claims/language_pruning.h"
#include "core/claims/task_adapter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 64;       // as published
constexpr int64_t kTaskWindows = 100;  // held out of each text: adapters differ by less than formats
constexpr const char* kAdapterOf = "2:4, adapter of ";
constexpr std::array kFormats{"2:4", "3 bits", "2 bits"};  // adapters of texts are for the first
constexpr std::array<std::optional<LowRankMethod>, 4> kMethods{
    std::nullopt, LowRankMethod::PlainSvd, LowRankMethod::ActivationScaled, LowRankMethod::Eora};

CompressionPlan planOf(const std::string& format, std::optional<LowRankMethod> method, int64_t rank) {
    CompressionPlan plan = pruningPlan(PruneMethod::SparseGpt, 0);
    if (format != "2:4") {
        plan.prune = PruneMethod::None;
        plan.quantization = LowBitFormatSpec{LowBitFormat::Affine, format == "2 bits" ? 2 : 3, 0, false};
    }
    plan.measureErrors = true;
    plan.lowRank = method;
    plan.rank = method ? rank : 0;
    return plan;
}

std::string armName(const char* format, std::optional<LowRankMethod> method) {
    return fmt::format("{}, {}", format, method ? lowRankMethodName(*method) : "none");
}

Result<std::map<std::string, double>> lossWith(const LanguageGround& ground, const LanguageModel& model,
                                               const ClaimRequest& request) {
    LanguageGround wide = ground;
    wide.evaluationWindows = std::max(ground.evaluationWindows, scaled(kTaskWindows, request, 4));
    VITRINE_TRY(const HeldOutLoss loss, wide.heldOutLoss(model, *request.job));
    return loss.metrics();
}

// Adapters of each text and of all for one 2:4 model, which was calibrated on all of them.
Result<void> measureAdapters(const LanguageGround& ground, LanguageModel& pruned, const ClaimRequest& request,
                             int64_t rank, ClaimMeasurement& measurement) {
    const int64_t windows = scaled(kWindows, request, 4);
    const auto seed = uint64_t(request.seed);
    VITRINE_TRY(measurement.arms["2:4, no adapter"], lossWith(ground, pruned, request));
    request.job->advance();
    const auto measureOne = [&](const std::string& name, const LanguageGround& calibrated) -> Result<void> {
        VITRINE_TRY(const auto model, withAdapter(calibrated, pruned, rank, windows, seed + 1, *request.job));
        VITRINE_TRY(measurement.arms[kAdapterOf + name], lossWith(ground, *model, request));
        request.job->advance();
        return {};
    };
    for (const LanguageTrainingText& text : ground.texts)
        VITRINE_TRY_VOID(measureOne(text.name, ground.with({text.name})));
    return measureOne("all texts", ground);
}

// Each text's own adapter against the best of another text's.
std::vector<ClaimCheck> judgeAdapters(const ClaimTable& table) {
    std::vector<std::string> names;
    const std::string_view prefix = kAdapterOf;
    for (const std::string& arm : table.arms())
        if (arm.starts_with(prefix) && !arm.ends_with("all texts"))
            names.push_back(arm.substr(prefix.size()));
    if (names.size() < 2)
        return {atMost("2:4, adapters of two texts or more", std::nan(""), 0)};
    std::vector<ClaimCheck> checks;
    for (const std::string& name : names) {
        const auto loss = [&](const std::string& arm) { return table.mean(arm, "loss on " + name); };
        double others = std::numeric_limits<double>::infinity();
        for (const std::string& other : names)
            if (const double there = loss(kAdapterOf + other); other != name)
                others = std::isnan(there) ? there : std::min(others, there);
        checks.push_back(
            atMost(fmt::format("2:4, nats per token on {}: its own adapter less the other's", name),
                   loss(kAdapterOf + name) - others, -0.001));
    }
    return checks;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, openLanguageGround(request.device, *request.job));
    return measureEora(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    std::vector<ClaimCheck> checks;
    double predicted = 0;
    for (const std::string format : kFormats) {
        const auto loss = [&](const char* method) { return table.mean(format + ", " + method, "loss"); };
        checks.push_back(atMost(format + ": nats per token, EoRA less plain SVD", loss("eora") - loss("svd"),
                                format == "3 bits" ? 0 : -0.004));
        checks.push_back(atMost(format + ": nats per token, EoRA less activation-scaled SVD",
                                loss("eora") - loss("activation_scaled"), 0));
        checks.push_back(
            atMost(format + ": nats per token, plain SVD less none", loss("svd") - loss("none"), 0));
        checks.push_back(atMost(format + ": nats per token, activation-scaled SVD less none",
                                loss("activation_scaled") - loss("none"), 0));
        // A value that was not measured must not pass for a small one.
        const double off = table.mean(format + ", eora", "predicted over measured error, largest deviation");
        predicted = std::isnan(off) ? off : std::max(predicted, off);
    }
    checks.push_back(
        atMost("EoRA's predicted error over the measured one differs from 1 by", predicted, 1e-3));
    const auto adapters = judgeAdapters(table);
    checks.insert(checks.end(), adapters.begin(), adapters.end());
    return checks;
}

}  // namespace

Result<ClaimMeasurement> measureEora(const LanguageGround& ground, const ClaimRequest& request) {
    if (ground.texts.size() < 2)
        return fail(ErrorCode::InvalidArgument, "adapters for texts are compared on two texts at least",
                    "texts", "Give a second text of another kind");
    request.job->beginStage("compensating",
                            int64_t(kFormats.size() * kMethods.size() + ground.texts.size()) + 3);
    ClaimMeasurement measurement;
    VITRINE_TRY(const HeldOutLoss dense, ground.heldOutLoss(*ground.model, *request.job));
    measurement.arms["dense"] = dense.metrics();
    request.job->advance();
    const int64_t rank = std::max<int64_t>(1, ground.model->config().width / 4);
    std::unique_ptr<LanguageModel> pruned;
    for (const char* format : kFormats)
        for (const auto& method : kMethods) {
            VITRINE_TRY(CompressedClone made,
                        compressedClone(ground, planOf(format, method, rank), scaled(kWindows, request, 4),
                                        uint64_t(request.seed), *request.job));
            VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(*made.model, *request.job));
            auto& metrics = measurement.arms[armName(format, method)];
            metrics = loss.metrics();
            double error = 0, off = 0;
            for (const LayerReport& layer : made.layers) {
                error += layer.relativeError / double(made.layers.size());
                if (method == LowRankMethod::Eora)
                    off = std::max(off, std::abs(layer.predictedError / layer.relativeError - 1));
            }
            metrics["relative output error"] = error;
            if (method == LowRankMethod::Eora)
                metrics["predicted over measured error, largest deviation"] = off;
            if (!method && std::string_view(format) == kFormats.front())
                pruned = std::move(made.model);
            request.job->advance();
        }
    VITRINE_TRY_VOID(measureAdapters(ground, *pruned, request, rank, measurement));
    return measurement;
}

ClaimExperiment eoraClaim() {
    return {measure, judge};
}

}  // namespace vitrine
