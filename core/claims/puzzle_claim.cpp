// Every layer has eight variants: attention or none, and all, half, a quarter or none of the neurons. Taught
// alone and untaught, they are scored by the divergence of the whole model; then budgets of the blocks'
// parameters are met by the mixed-integer solver, by greed, by chance, and by fewer neurons in all layers
// alike.
#include "core/claims/puzzle_claim.h"

#include "core/claims/structured_students.h"
#include "core/puzzle/variant_costs.h"
#include "core/structured/block_influence.h"
#include "core/structured/slicer.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 64, kScoreWindows = 8, kBlockSteps = 30, kLength = 96, kEvaluationWindows = 12;
constexpr int64_t kAssemblies = 20, kRandomDraws = 3;
constexpr std::array kShares{0.8, 0.7, 0.6, 0.5};

class Experiment {
  public:
    Experiment(const LanguageGround& ground, const ClaimRequest& request)
        : ground_(ground), request_(request), model_(*ground.model) {
        ground_.evaluationWindows = std::min(ground.evaluationWindows, kEvaluationWindows);
        LanguageGround narrow = ground_;
        narrow.length = std::min(kLength, ground.length);
        windows_ = narrow.calibration(kWindows, uint64_t(request.seed));
        scoreWindows_ = narrow.calibration(kScoreWindows, uint64_t(request.seed) + 1000);
    }

    Result<ClaimMeasurement> run() {
        VITRINE_TRY(ranking_, rankStructures(model_, windows_, {}, *request_.job));
        const VariantGrid grid{{}, {0.5, 0.25}, false, true, false, true};
        VITRINE_TRY(BlockLibrary plain, startLibrary(model_, ranking_, grid, windows_, *request_.job));
        BlockLibrary taught = plain;
        const BlockwiseOptions options{.steps = scaledSteps(kBlockSteps, request_),
                                       .seed = uint64_t(request_.seed)};
        request_.job->beginStage("teaching and scoring blocks", model_.config().depth());
        JobContext quiet(request_.job->stopToken(), {});
        for (int64_t layer = 0; layer < model_.config().depth(); ++layer) {
            VITRINE_TRY_VOID(distilLayer(model_, layer, windows_, options, taught, quiet));
            VITRINE_TRY_VOID(scoreLayer(model_, layer, scoreWindows_, taught, quiet));
            VITRINE_TRY_VOID(scoreLayer(model_, layer, scoreWindows_, plain, quiet));
            request_.job->advance();
        }
        VITRINE_TRY(const LibraryCosts costs, libraryCosts(model_, taught, {}, false, quiet));
        request_.job->beginStage("searching", int64_t(kShares.size()));
        VITRINE_TRY(result_.arms["parent"]["loss"], lossOf(model_));
        for (const double share : kShares) {
            VITRINE_TRY_VOID(searchAt(share, plain, taught, costs));
            request_.job->advance();
        }
        result_.arms["sums of scores"]["Spearman with the loss"] = additivity(taught, costs);
        return std::move(result_);
    }

  private:
    Result<double> lossOf(const LanguageModel& model) const {
        VITRINE_TRY_VOID(request_.job->checkStop());
        VITRINE_TRY(const HeldOutLoss loss, ground_.heldOutLoss(model, *request_.job));
        return loss.mean;
    }
    Result<double> lossOf(const BlockLibrary& library, const std::vector<int64_t>& choice) const {
        VITRINE_TRY(const auto child, assemble(model_, library, choicesOf(library, choice)));
        return lossOf(*child);
    }

    Result<void> searchAt(double share, const BlockLibrary& plain, const BlockLibrary& taught,
                          const LibraryCosts& costs) {
        const std::string metric = fmt::format("loss at {:.0f} %", 100 * share);
        const double outer = costs.outer.parameters;
        const double blocks = double(model_.config().parameterCount()) - outer;
        ArchitectureLimits limits;
        limits.parameters = outer + share * blocks;
        const ArchitectureProblem problem = architectureProblem(taught, costs, limits);
        const ArchitectureProblem untaught = architectureProblem(plain, costs, limits);
        VITRINE_TRY(const auto best, solveArchitecture(problem));
        VITRINE_TRY(result_.arms["solver, taught"][metric], lossOf(taught, best.choice));
        VITRINE_TRY(const auto bestUntaught, solveArchitecture(untaught));
        VITRINE_TRY(result_.arms["solver, untaught"][metric], lossOf(plain, bestUntaught.choice));
        VITRINE_TRY(const auto greedy, solveGreedily(problem));
        VITRINE_TRY(result_.arms["greedy, taught"][metric], lossOf(taught, greedy.choice));
        double random = 0;
        for (int64_t draw = 0; draw < kRandomDraws; ++draw) {
            VITRINE_TRY(const auto drawn, drawArchitecture(problem, uint64_t(request_.seed * 10 + draw)));
            VITRINE_TRY(const double loss, lossOf(taught, drawn.choice));
            random += loss / double(kRandomDraws);
        }
        result_.arms["random, taught"][metric] = random;
        return uniformAt(limits.parameters, metric);
    }

    // As many neurons in every layer as the budget allows.
    Result<void> uniformAt(double parameters, const std::string& metric) {
        const DecoderConfig& config = model_.config();
        DecoderConfig narrow = config;
        int64_t count = config.layers.front().feedForward.intermediate;
        const auto resize = [&] {
            for (LayerSettings& layer : narrow.layers)
                layer.feedForward.intermediate = count;
        };
        while (count > 1 && double(narrow.parameterCount()) > parameters) {
            --count;
            resize();
        }
        VITRINE_TRY(const SlicePlan plan, planFor(config, ranking_, {.intermediate = count}, {}));
        VITRINE_TRY(const auto child, sliceModel(model_, plan));
        VITRINE_TRY(result_.arms["uniform"][metric], lossOf(*child));
        return {};
    }

    double additivity(const BlockLibrary& library, const LibraryCosts& costs) const {
        ArchitectureProblem free = architectureProblem(library, costs, {});
        std::vector<double> sums, losses;
        for (int64_t i = 0; i < kAssemblies; ++i) {
            auto drawn = drawArchitecture(free, uint64_t(request_.seed * 1000 + i));
            const auto child = assemble(model_, library, choicesOf(library, drawn->choice));
            sums.push_back(free.scoreOf(drawn->choice));
            losses.push_back(lossWithout((*child)->decoder(), scoreWindows_, Players::Blocks, {}));
        }
        return spearmanRho(at::tensor(sums, at::kDouble), at::tensor(losses, at::kDouble));
    }

    LanguageGround ground_;
    const ClaimRequest& request_;
    const LanguageModel& model_;
    std::vector<at::Tensor> windows_, scoreWindows_;
    StructureRanking ranking_;
    ClaimMeasurement result_;
};

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, openLanguageGround(request.device, *request.job));
    return measurePuzzle(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto loss = [&](const char* arm, const char* share) {
        return table.mean(arm, std::string("loss at ") + share + " %");
    };
    const auto mean = [&](const char* arm) {
        return (loss(arm, "80") + loss(arm, "70") + loss(arm, "60") + loss(arm, "50")) / 4;
    };
    return {
        atMost("nats per token at 60 % of the blocks, solver on taught blocks less fewer neurons everywhere",
               loss("solver, taught", "60") - loss("uniform", "60"), -0.06),
        atMost("nats per token over all budgets, solver less greed on the same blocks",
               mean("solver, taught") - mean("greedy, taught"), 0.01),
        atMost("nats per token over all budgets, greed less chance on the same blocks",
               mean("greedy, taught") - mean("random, taught"), -0.3),
        atMost("nats per token over all budgets, solver on taught less on untaught blocks",
               mean("solver, taught") - mean("solver, untaught"), 0),
        atLeast("Spearman's rank correlation of sums of scores with losses",
                table.mean("sums of scores", "Spearman with the loss"), 0.7),
    };
}

}  // namespace

Result<ClaimMeasurement> measurePuzzle(const LanguageGround& ground, const ClaimRequest& request) {
    VITRINE_TRY(ClaimMeasurement measured, Experiment(ground, request).run());
    measured.seed = request.seed;
    return measured;
}

ClaimExperiment puzzleClaim() {
    return {measure, judge};
}

}  // namespace vitrine
