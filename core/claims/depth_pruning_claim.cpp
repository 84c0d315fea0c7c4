// Blocks go one after another in the order of several metrics; the held-out loss is measured after each. Then
// the order by loss again, with the mean update or a map of rank 8 in the place of what went, and parts
// alone.
#include "core/claims/depth_pruning_claim.h"

#include "core/claims/byte_model.h"
#include "core/structured/emulation.h"
#include "core/structured/slicer.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 16, kFitWindows = 32, kRank = 8, kMost = 3;
constexpr int64_t kRandomOrders = 3;

class Experiment {
  public:
    Experiment(const LanguageGround& ground, const ClaimRequest& request)
        : ground_(ground), request_(request), model_(*ground.model) {}

    Result<ClaimMeasurement> run() {
        const auto windows = ground_.calibration(kWindows, uint64_t(request_.seed));
        VITRINE_TRY(const StructureRanking ranking, rankStructures(model_, windows, {}, *request_.job));
        VITRINE_TRY(const RemovalCosts costs, leaveOneOut(model_.decoder(), windows, {}, *request_.job));
        VITRINE_TRY(const auto greedy, iterativeOrder(model_.decoder(), windows, Players::Blocks,
                                                      CostKind::Loss, kMost, *request_.job));
        request_.job->beginStage("removing blocks", 0);
        VITRINE_TRY(result_.arms["dense"]["loss"], lossOf(model_, ground_));
        const at::Tensor byLoss = RemovalCosts::influence(costs.loss);
        const std::map<std::string, std::vector<int64_t>> orders = {
            {"cosine", removalOrder(ranking.blocks.at("cosine"))},
            {"relative L2", removalOrder(ranking.blocks.at("relative_l2"))},
            {"loss", removalOrder(byLoss)},
            {"logits", removalOrder(costs.logits)},
            {"loss, one after another", greedy},
            {"most influential first", removalOrder(-byLoss)}};
        for (const auto& [name, order] : orders)
            VITRINE_TRY_VOID(removeBy(name, order));
        VITRINE_TRY_VOID(removeRandomly());
        for (const int64_t rank : {int64_t(0), kRank})
            VITRINE_TRY_VOID(emulate(orders.at("loss"), rank));
        VITRINE_TRY_VOID(removeParts(windows));
        VITRINE_TRY_VOID(compareDomains());
        auto& agreement = result_.arms["agreement"];
        agreement["Kendall's tau, cosine and loss"] = kendallTau(ranking.blocks.at("cosine"), costs.loss);
        agreement["Kendall's tau, logits and loss"] = kendallTau(costs.logits, costs.loss);
        return std::move(result_);
    }

  private:
    Result<double> lossOf(const LanguageModel& model, const LanguageGround& ground) const {
        VITRINE_TRY_VOID(request_.job->checkStop());
        VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(model, *request_.job));
        return loss.mean;
    }
    static std::string metricOf(int64_t count) { return fmt::format("loss without {}", count); }

    Result<double> lossWithoutBlocks(const std::vector<int64_t>& blocks, const LanguageGround& ground) const {
        VITRINE_TRY(const auto cut, sliceModel(model_, withoutBlocks(model_.config(), blocks)));
        return lossOf(*cut, ground);
    }

    Result<void> removeBy(const std::string& arm, const std::vector<int64_t>& order) {
        for (int64_t n = 1; n <= kMost; ++n) {
            VITRINE_TRY(result_.arms[arm][metricOf(n)],
                        lossWithoutBlocks({order.begin(), order.begin() + n}, ground_));
        }
        return {};
    }

    // The mean over a few orders.
    Result<void> removeRandomly() {
        auto generator = at::detail::createCPUGenerator(uint64_t(request_.seed) + 17);
        for (int64_t i = 0; i < kRandomOrders; ++i) {
            const std::vector<int64_t> order =
                removalOrder(at::rand({model_.config().depth()}, generator, at::TensorOptions()));
            for (int64_t n = 1; n <= kMost; ++n) {
                VITRINE_TRY(const double loss,
                            lossWithoutBlocks({order.begin(), order.begin() + n}, ground_));
                result_.arms["random"][metricOf(n)] += loss / double(kRandomOrders);
            }
        }
        return {};
    }

    Result<void> emulate(const std::vector<int64_t>& order, int64_t rank) {
        const auto windows = ground_.calibration(kFitWindows, uint64_t(request_.seed) + 1);
        const std::string arm = rank > 0 ? "loss, rank 8 in place" : "loss, mean in place";
        for (int64_t n = 1; n <= kMost; ++n) {
            VITRINE_TRY(
                const EmulatedModel emulated,
                emulateRemoved(model_, {order.begin(), order.begin() + n}, windows,
                               {Players::Blocks, std::min(rank, model_.config().width)}, *request_.job));
            VITRINE_TRY(result_.arms[arm][metricOf(n)], lossOf(*emulated.model, ground_));
        }
        return {};
    }

    Result<void> removeParts(const std::vector<at::Tensor>& windows) {
        VITRINE_TRY(const RemovalCosts costs,
                    leaveOneOut(model_.decoder(), windows, {Players::Parts, {}}, *request_.job));
        for (const int64_t kind : {0, 1}) {
            std::vector<int64_t> order = removalOrder(costs.loss.slice(0, kind, std::nullopt, 2));
            for (int64_t& part : order)
                part = 2 * part + kind;
            for (int64_t n = 1; n <= kMost; ++n) {
                VITRINE_TRY(
                    const auto cut,
                    sliceModel(model_, withoutParts(model_.config(), {order.begin(), order.begin() + n})));
                VITRINE_TRY(result_.arms[kind == 0 ? "attention alone" : "feed-forward alone"][metricOf(n)],
                            lossOf(*cut, ground_));
            }
        }
        return {};
    }

    // Influence on each text alone.
    Result<void> compareDomains() {
        if (ground_.texts.size() < 2)
            return {};
        std::vector<at::Tensor> costs;
        for (size_t i = 0; i < 2; ++i) {
            const LanguageGround one = ground_.with({ground_.texts[i].name});
            VITRINE_TRY(const RemovalCosts measured,
                        leaveOneOut(model_.decoder(), one.calibration(kWindows / 2, uint64_t(request_.seed)),
                                    {}, *request_.job));
            costs.push_back(measured.loss);
        }
        result_.arms["agreement"]["Kendall's tau, loss on the two texts"] = kendallTau(costs[0], costs[1]);
        return {};
    }

    const LanguageGround& ground_;
    const ClaimRequest& request_;
    const LanguageModel& model_;
    ClaimMeasurement result_;
};

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, sharedByteModel(ownLanguageFiles().texts, request));
    return measureDepthPruning(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto loss = [&](const char* arm, int64_t n) {
        return table.mean(arm, fmt::format("loss without {}", n));
    };
    const auto mean = [&](const char* arm) { return (loss(arm, 1) + loss(arm, 2) + loss(arm, 3)) / 3; };
    std::vector<ClaimCheck> checks;
    double worst = mean("cosine");
    for (const char* arm : {"relative L2", "loss", "logits"})
        worst = std::max(worst, mean(arm));
    checks.push_back(atMost("nats per token, mean over 1 to 3 blocks, worst metric less random order",
                            worst - mean("random"), -0.1));
    checks.push_back(atMost("nats per token, mean over 1 to 3 blocks, random order less the worst order",
                            mean("random") - mean("most influential first"), 0));
    for (int64_t n = 1; n <= kMost; ++n)
        checks.push_back(
            atMost(fmt::format("nats per token, rank 8 in the place of {} blocks less nothing", n),
                   loss("loss, rank 8 in place", n) - loss("loss", n), -0.03));
    for (int64_t n = 2; n <= kMost; ++n) {
        checks.push_back(
            atMost(fmt::format("nats per token, mean update in the place of {} blocks less nothing", n),
                   loss("loss, mean in place", n) - loss("loss", n), 0));
        checks.push_back(
            atMost(fmt::format("nats per token, {} blocks one after another less all at once", n),
                   loss("loss, one after another", n) - loss("loss", n), 0.005));
    }
    return checks;
}

}  // namespace

Result<ClaimMeasurement> measureDepthPruning(const LanguageGround& ground, const ClaimRequest& request) {
    VITRINE_TRY(ClaimMeasurement measured, Experiment(ground, request).run());
    measured.seed = request.seed;
    return measured;
}

ClaimExperiment depthPruningClaim() {
    return {measure, judge};
}

}  // namespace vitrine
