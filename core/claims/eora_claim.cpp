// 2:4, 3-bit and 2-bit weights without a path and with one of rank width / 4, made in three ways. EoRA says
// beforehand what error it leaves over the calibrated inputs; that is held against the error measured.
#include "core/claims/eora_claim.h"

#include "core/claims/language_pruning.h"

#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 64;  // as published
constexpr std::array kFormats{"2:4", "3 bits", "2 bits"};
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
    return checks;
}

}  // namespace

Result<ClaimMeasurement> measureEora(const LanguageGround& ground, const ClaimRequest& request) {
    request.job->beginStage("compensating", int64_t(kFormats.size() * kMethods.size()) + 1);
    ClaimMeasurement measurement;
    VITRINE_TRY(const HeldOutLoss dense, ground.heldOutLoss(*ground.model, *request.job));
    measurement.arms["dense"] = dense.metrics();
    request.job->advance();
    const int64_t rank = std::max<int64_t>(1, ground.model->config().width / 4);
    for (const char* format : kFormats)
        for (const auto& method : kMethods) {
            VITRINE_TRY(const CompressedClone made,
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
            request.job->advance();
        }
    return measurement;
}

ClaimExperiment eoraClaim() {
    return {measure, judge};
}

}  // namespace vitrine
