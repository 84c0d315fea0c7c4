// Every layer has eight variants: attention or none, and all, half, a quarter or none of the neurons. Taught
// alone and untaught, they are scored by the divergence of the whole model; then budgets of the blocks'
// parameters are met by the mixed-integer solver, by greed, by chance, and by fewer neurons in all layers
// alike. Beside that: the same scored by the loss of the text, refined around what was found, the chosen
// pairs taught together against all taught as long alone, and the three ways to begin with one key/value
// head.
#include "core/claims/puzzle_claim.h"

#include "core/claims/structured_students.h"
#include "core/puzzle/refined_search.h"
#include "core/puzzle/variant_costs.h"
#include "core/structured/block_influence.h"
#include "core/structured/slicer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 64, kScoreWindows = 8, kBlockSteps = 30, kLength = 96, kEvaluationWindows = 12;
constexpr int64_t kAssemblies = 20, kRandomDraws = 3, kRefinements = 3;
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
        request_.job->beginStage("teaching and scoring blocks", model_.config().depth());
        JobContext quiet(request_.job->stopToken(), {});
        for (int64_t layer = 0; layer < model_.config().depth(); ++layer) {
            VITRINE_TRY_VOID(distilLayer(model_, layer, windows_, lessons(), taught, quiet));
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
        VITRINE_TRY_VOID(couple(taught, costs));
        VITRINE_TRY_VOID(compareStarts());
        return std::move(result_);
    }

  private:
    BlockwiseOptions lessons() const {
        return {.steps = scaledSteps(kBlockSteps, request_), .seed = uint64_t(request_.seed)};
    }
    static std::string metricAt(double share) { return fmt::format("loss at {:.0f} %", 100 * share); }
    ArchitectureLimits limitsAt(double share, const LibraryCosts& costs) const {
        const double outer = costs.outer.parameters;
        ArchitectureLimits limits;
        limits.parameters = outer + share * (double(model_.config().parameterCount()) - outer);
        return limits;
    }
    Result<double> lossOf(const LanguageModel& model) const {
        VITRINE_TRY_VOID(request_.job->checkStop());
        VITRINE_TRY(const HeldOutLoss loss, ground_.heldOutLoss(model, *request_.job));
        return loss.mean;
    }
    Result<double> lossOf(const BlockLibrary& library, const std::vector<int64_t>& choice,
                          PartsTaught parts = PartsTaught::Alone) const {
        VITRINE_TRY(const auto child, assemble(model_, library, choicesOf(library, choice), parts));
        return lossOf(*child);
    }

    Result<void> searchAt(double share, const BlockLibrary& plain, const BlockLibrary& taught,
                          const LibraryCosts& costs) {
        const std::string metric = metricAt(share);
        const ArchitectureLimits limits = limitsAt(share, costs);
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
        VITRINE_TRY(const auto refined, refineArchitecture(model_, taught, problem, best.choice, kRefinements,
                                                           scoreWindows_, {}, *request_.job));
        VITRINE_TRY(result_.arms["solver, refined"][metric], lossOf(taught, refined.choice));
        const auto choices = choicesOf(taught, best.choice);
        chosen_.resize(choices.size());
        for (size_t layer = 0; layer < choices.size(); ++layer)
            chosen_[layer].emplace(choices[layer].attention, choices[layer].feedForward);
        return uniformAt(limits.parameters, metric);
    }

    // Pairs that any budget chose learn together; beside them all parts alone for as many further steps, and
    // the parts as they were scored by the loss of the text.
    Result<void> couple(const BlockLibrary& taught, const LibraryCosts& costs) {
        BlockLibrary together = taught, longer = taught, byLoss = taught;
        request_.job->beginStage("teaching pairs", model_.config().depth());
        JobContext quiet(request_.job->stopToken(), {});
        for (int64_t layer = 0; layer < model_.config().depth(); ++layer) {
            std::vector<BlockChoice> pairs;
            for (const auto& [attention, feedForward] : chosen_[size_t(layer)])
                pairs.push_back({attention, feedForward});
            VITRINE_TRY_VOID(distilPairs(model_, layer, pairs, windows_, lessons(), together, quiet));
            VITRINE_TRY_VOID(scorePairs(model_, layer, scoreWindows_, together, quiet));
            VITRINE_TRY_VOID(distilLayer(model_, layer, windows_, lessons(), longer, quiet));
            VITRINE_TRY_VOID(scoreLayer(model_, layer, scoreWindows_, longer, quiet));
            VITRINE_TRY_VOID(scoreLayer(model_, layer, scoreWindows_, byLoss, quiet, {BlockScore::Loss, {}}));
            request_.job->advance();
        }
        for (const double share : kShares) {
            const ArchitectureLimits limits = limitsAt(share, costs);
            VITRINE_TRY(const auto pair, solveArchitecture(pairProblem(together, costs, limits)));
            VITRINE_TRY(result_.arms["solver, taught together"][metricAt(share)],
                        lossOf(together, pair.choice, PartsTaught::Together));
            VITRINE_TRY(const auto alone, solveArchitecture(architectureProblem(longer, costs, limits)));
            VITRINE_TRY(result_.arms["solver, taught as long alone"][metricAt(share)],
                        lossOf(longer, alone.choice));
            VITRINE_TRY(const auto loss, solveArchitecture(architectureProblem(byLoss, costs, limits)));
            VITRINE_TRY(result_.arms["solver, scored by loss"][metricAt(share)], lossOf(byLoss, loss.choice));
        }
        return {};
    }

    // One key/value head in all layers: how far the parts are off, and the loss of the whole model.
    Result<void> compareStarts() {
        if (model_.config().layers.front().attention.keyValueHeads == 1)
            return {};
        JobContext quiet(request_.job->stopToken(), {});
        request_.job->beginStage("one key/value head", 3);
        for (const auto start : {KeyValueStart::Average, KeyValueStart::First, KeyValueStart::Prune}) {
            const VariantGrid grid{{1}, {}, false, false, false, false, start};
            VITRINE_TRY(BlockLibrary library, startLibrary(model_, ranking_, grid, windows_, quiet));
            const std::vector<int64_t> all(size_t(library.depth()), 1);
            auto& arm = result_.arms[fmt::format("one key/value head, {}", keyValueStartName(start))];
            VITRINE_TRY(arm["loss before teaching"], lossOf(library, all));
            const double layers = double(library.depth());
            for (int64_t layer = 0; layer < library.depth(); ++layer) {
                VITRINE_TRY_VOID(distilLayer(model_, layer, windows_, lessons(), library, quiet));
                const PartVariant& part = library.layers[size_t(layer)].attention[1];
                arm["error before teaching"] += part.errorBefore / layers;
                arm["error after teaching"] += part.errorAfter / layers;
            }
            VITRINE_TRY(arm["loss after teaching"], lossOf(library, all));
            request_.job->advance();
        }
        return {};
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
    std::vector<std::set<std::pair<int64_t, int64_t>>> chosen_;  // pairs of each layer, by any budget
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
