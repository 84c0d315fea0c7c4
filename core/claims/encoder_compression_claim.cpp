// Masks, paths and cuts are made from one trained encoder with the same calibration pictures, nothing is
// trained afterwards. Half of the heads, half of the hidden units and one block of four are the same number
// of parameters: a quarter of those in blocks.
#include "core/claims/encoder_compression_claim.h"

#include "core/claims/encoder_ground.h"
#include "core/claims/language_pruning.h"
#include "core/compress/compression_driver.h"
#include "core/compress/encoder_blocks.h"
#include "core/compress/vit_structures.h"
#include "core/distill/random_stream.h"

#include <array>
#include <optional>

namespace vitrine {
namespace {

constexpr int64_t kRank = EncoderGround::kWidth / 8;  // the smallest rank that EoRA is specified for
constexpr int64_t kDraws = 6;                         // of a random control: its metrics are their means
constexpr double kTokensKept = 0.5;
constexpr const char* kKeptWeights = "weights of the blocks, part kept";
constexpr const char* kKeptOperations = "operations of the blocks, part kept";

struct Mask {
    const char* arm;
    PruneMethod method;
    std::optional<LowRankMethod> path{};
};
constexpr Mask kMasks[] = {{"2:4 random", PruneMethod::Random},
                           {"2:4 magnitude", PruneMethod::Magnitude},
                           {"2:4 Wanda", PruneMethod::Wanda},
                           {"2:4 SparseGPT", PruneMethod::SparseGpt},
                           {"2:4 Wanda, SVD path", PruneMethod::Wanda, LowRankMethod::PlainSvd},
                           {"2:4 Wanda, EoRA path", PruneMethod::Wanda, LowRankMethod::Eora}};

struct Structure {
    const char* name;
    VitStructurePlan plan;
};
const std::array kStructures{Structure{"heads", {.heads = 0.5}}, Structure{"hidden units", {.neurons = 0.5}},
                             Structure{"blocks", {.blocks = EncoderGround::kDepth / 4}}};

class Experiment {
  public:
    Experiment(const EncoderGround& ground, const ClaimRequest& request)
        : ground_(ground), request_(request), quiet_(request.job->stopToken(), {}) {}

    Result<ClaimMeasurement> run() {
        const at::NoGradGuard plain;
        VITRINE_TRY(const auto dense, ground_.open());
        VITRINE_TRY(const double weights, blockWeights(*dense));
        denseWeights_ = weights;
        request_.job->beginStage("making the encoder smaller",
                                 int64_t(std::size(kMasks) + kStructures.size()) + 1);
        VITRINE_TRY(result_.arms["dense"], ground_.examine(*dense, request_));
        for (const Mask& mask : kMasks)
            VITRINE_TRY_VOID(prune(mask));
        VITRINE_TRY_VOID(rank(*dense));
        for (const Structure& structure : kStructures)
            VITRINE_TRY_VOID(cut(structure));
        VITRINE_TRY_VOID(reduceTokens());
        result_.seed = request_.seed;
        return std::move(result_);
    }

  private:
    Result<void> prune(const Mask& mask) {
        CompressionPlan plan = pruningPlan(mask.method, uint64_t(request_.seed));
        plan.lowRank = mask.path;
        plan.rank = mask.path ? kRank : 0;
        VITRINE_TRY(const auto encoder, ground_.open());
        VITRINE_TRY(const auto blocks, encoderBlocks(*encoder, ground_.calibration()));
        VITRINE_TRY([[maybe_unused]] const DriverReport report,
                    compressModel(*blocks, plan, quiet_, [](CompressedLayer&&) { return Result<void>(); }));
        VITRINE_TRY(result_.arms[mask.arm], ground_.examine(*encoder, request_));
        request_.job->advance();
        return {};
    }

    Result<void> rank(RadioModel& dense) {
        VITRINE_TRY(const auto blocks, encoderBlocks(dense, ground_.calibration()));
        VITRINE_TRY(ranking_, rankVit(*blocks, EncoderGround::kWidth / EncoderGround::kHeads, quiet_));
        return {};
    }

    Result<void> cut(const Structure& structure) {
        const std::string name = structure.name;
        VITRINE_TRY(result_.arms[name + ", important"], cutBy(structure.plan));
        auto& chance = result_.arms[name + ", random"];
        for (int64_t draw = 0; draw < kDraws; ++draw) {
            VitStructurePlan plan = structure.plan;
            plan.random = true;
            plan.seed = randomHash(uint64_t(request_.seed), draw, "random structures");
            VITRINE_TRY(const auto metrics, cutBy(plan));
            for (const auto& [metric, value] : metrics)
                chance[metric] += value / double(kDraws);
        }
        request_.job->advance();
        return {};
    }

    Result<std::map<std::string, double>> cutBy(const VitStructurePlan& plan) {
        VITRINE_TRY(const VitCut cut, cutVit(ground_.tensors(), ranking_, plan));
        VITRINE_TRY(
            const auto encoder,
            EncoderGround::open(
                cutConfig(ground_.config(), cut, EncoderGround::kHeads, EncoderGround::kWidth), cut.tensors));
        VITRINE_TRY(auto metrics, ground_.examine(*encoder, request_));
        VITRINE_TRY(const double weights, blockWeights(*encoder));
        metrics[kKeptWeights] = weights / denseWeights_;
        return metrics;
    }

    Result<void> reduceTokens() {
        for (const auto method : {nn::TokenMethod::Merge, nn::TokenMethod::Attention, nn::TokenMethod::Norm,
                                  nn::TokenMethod::Random}) {
            const nn::TokenReductionSettings settings{method, kTokensKept, uint64_t(request_.seed)};
            Json config = ground_.config();
            config["token_reduction"] = settings.json();
            VITRINE_TRY(const auto encoder, EncoderGround::open(config, ground_.tensors()));
            auto& metrics = result_.arms[fmt::format("tokens, {}", nn::tokenMethodName(method))];
            VITRINE_TRY(metrics, ground_.examine(*encoder, request_));
            VITRINE_TRY(metrics[kKeptOperations], keptOperations(*encoder, settings));
        }
        request_.job->advance();
        return {};
    }

    static Result<double> blockWeights(RadioModel& encoder) {
        VITRINE_TRY(const auto blocks, encoderBlocks(encoder, {}));
        int64_t weights = 0;
        for (int64_t block = 0; block < blocks->depth(); ++block)
            for (const BlockLinear& linear : blocks->linears(block))
                weights += linear.weight.numel();
        return double(weights);
    }

    Result<double> keptOperations(RadioModel& encoder, const nn::TokenReductionSettings& settings) const {
        const EncoderInfo& info = encoder.info();
        const int64_t side = ground_.calibration().front().size(3) / info.patchSize, patches = side * side;
        const auto behind = [&](std::vector<int64_t> tokens) {
            for (int64_t& each : tokens)
                each += info.prefixTokenCount;
            return tokens;
        };
        VITRINE_TRY(const auto blocks, encoderBlocks(encoder, {}));
        const auto operations = [&](const std::vector<int64_t>& tokens) {
            return vitOperations(*blocks, patches + info.prefixTokenCount, tokens);
        };
        return operations(behind(settings.schedule(info.layerCount, patches))) /
               operations(behind(std::vector<int64_t>(size_t(info.layerCount), patches)));
    }

    const EncoderGround& ground_;
    const ClaimRequest& request_;
    JobContext quiet_;
    VitRanking ranking_;
    double denseWeights_ = 0;
    ClaimMeasurement result_;
};

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const EncoderGround ground, EncoderGround::train(request));
    return Experiment(ground, request).run();
}

struct Order {
    const char *better, *worse;
};
constexpr Order kOrders[] = {{"2:4 magnitude", "2:4 random"},
                             {"2:4 Wanda", "2:4 magnitude"},
                             {"2:4 SparseGPT", "2:4 Wanda"},
                             {"2:4 Wanda, EoRA path", "2:4 Wanda"},
                             {"2:4 Wanda, EoRA path", "2:4 Wanda, SVD path"},
                             {"heads, important", "heads, random"},
                             {"hidden units, important", "hidden units, random"},
                             {"blocks, important", "blocks, random"},
                             {"tokens, merge", "tokens, random"},
                             {"tokens, attention", "tokens, random"},
                             {"tokens, norm", "tokens, random"}};

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    std::vector<ClaimCheck> checks;
    for (const auto& [better, worse] : kOrders) {
        const auto error = [&](const char* arm) { return table.mean(arm, EncoderGround::kFeatureError); };
        checks.push_back(
            atMost(fmt::format("feature error, {} over {}", better, worse), error(better) / error(worse), 1));
    }
    for (const auto& [better, worse] : kOrders) {
        const auto score = [&](const char* arm) { return table.mean(arm, EncoderGround::kProbe); };
        checks.push_back(atLeast(fmt::format("mIoU of the dense encoder's probe, {} less {}", better, worse),
                                 score(better) - score(worse), 0));
    }
    return checks;
}

}  // namespace

ClaimExperiment encoderCompressionClaim() {
    return {measure, judge};
}

}  // namespace vitrine
