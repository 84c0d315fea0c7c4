#include "core/engine/puzzle_kind.h"

#include "core/engine/compressed_model.h"
#include "core/engine/puzzle_budgets.h"
#include "core/engine/puzzle_library.h"
#include "core/engine/puzzle_schema.h"
#include "core/runs/run_context.h"
#include "core/structured/block_influence.h"
#include "core/structured/slicer.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kParent = "parent";

class PuzzleJob {
  public:
    explicit PuzzleJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(shared_, DistillationRun::open(run_));
        if (run_.savedState())
            VITRINE_TRY_VOID(restore(*run_.savedState()));
        VITRINE_TRY(ranking_, rankStructures(parent(), shared_->calibration(), {}, run_.job()));
        VITRINE_TRY(library_,
                    makePuzzleLibrary(run_, *shared_, ranking_, [this] { return run_.saveState(state()); }));
        VITRINE_TRY(costs_, puzzleCosts(run_, parent(), library_, costsJson_));
        costsJson_ = costs_.json();
        VITRINE_TRY_VOID(run_.saveState(state()));
        if (!isDone(kParent))
            VITRINE_TRY_VOID(addRow(kParent, "parent", parent(), 0, {}, Json::object()));
        // All budgets are looked at before anything long begins.
        VITRINE_TRY(budgets_, puzzleBudgets(run_.settings()["budgets"], library_, costs_));
        if (additivity_.is_null())
            VITRINE_TRY_VOID(checkAdditivity());
        for (const PuzzleBudget& budget : budgets_)
            VITRINE_TRY_VOID(search(budget));
        return report();
    }

  private:
    const LanguageModel& parent() const { return *shared_->teacher(); }

    Json state() const {
        Json state{{"rows", rows_},
                   {"best", best_},
                   {"additivity", additivity_},
                   {"costs", costsJson_},
                   {"times", times_}};
        state.update(shared_->ground());
        return state;
    }
    Result<void> restore(const Json& state) {
        VITRINE_TRY_VOID(shared_->checkGround(state));
        rows_ = state["rows"];
        best_ = state["best"];
        additivity_ = state["additivity"];
        costsJson_ = state["costs"];
        times_ = state["times"];
        return {};
    }
    bool isDone(const std::string& name) const {
        return std::any_of(rows_.begin(), rows_.end(), [&](const Json& row) { return row["name"] == name; });
    }

    // Do sums of scores foresee the loss?
    Result<void> checkAdditivity() {
        const int64_t count = run_.settings()["assemblies"];
        if (count < 3) {
            additivity_ = Json::object();
            return {};
        }
        ArchitectureProblem free = architectureProblem(library_, costs_, {});
        std::vector<double> sums, losses;
        run_.job().beginStage("random assemblies", count);
        for (int64_t i = 0; i < count; ++i) {
            VITRINE_TRY_VOID(run_.pausePoint());
            // Most blocks stay the parent's: what a search would look at.
            VITRINE_TRY(auto drawn, drawArchitecture(free, run_.seed() * 1000 + uint64_t(i)));
            const int64_t kept = library_.depth() * (i % 4) / 4;
            for (int64_t layer = 0; layer < kept; ++layer)
                drawn.choice[size_t((layer * 3 + i) % library_.depth())] = 0;
            VITRINE_TRY(const auto child, assemble(parent(), library_, choicesOf(library_, drawn.choice)));
            sums.push_back(free.scoreOf(drawn.choice));
            losses.push_back(
                lossWithout(child->decoder(), puzzleScoreWindows(run_, *shared_), Players::Blocks, {}));
            run_.job().advance();
        }
        const double rho = spearmanRho(at::tensor(sums, at::kDouble), at::tensor(losses, at::kDouble));
        additivity_ = {{"spearman", rho}, {"sums_of_scores", sums}, {"nats_per_token", losses}};
        run_.log(
            fmt::format("sums of scores and losses of {} random assemblies: Spearman {:.3f}", count, rho));
        return run_.saveState(state());
    }

    Result<void> search(const PuzzleBudget& budget) {
        ArchitectureProblem problem = architectureProblem(library_, costs_, budget.limits);
        problem.difference = run_.settings()["difference"];
        const int64_t more = run_.settings()["alternatives"];
        for (int64_t i = 0; i <= more; ++i) {
            auto solved = solveArchitecture(problem);
            if (!solved && i > 0) {
                run_.log(budget.name + ": no further alternative: " + solved.error().message);
                break;
            }
            if (!solved)
                return fail(solved.error());
            if (i == 0) {
                VITRINE_TRY([[maybe_unused]] const auto stored,
                            run_.putArtifact(plainFileName(budget.name) + ".lp", architectureLp(problem),
                                             {.kind = "report", .mediaType = "text/plain"}));
            }
            problem.earlier.push_back(solved->choice);
            const std::string name =
                "puzzle: " + budget.name + (i > 0 ? fmt::format(", alternative {}", i) : "");
            VITRINE_TRY_VOID(make(name, "puzzle", *solved, run_.settings()["steps"]));
        }
        if (!run_.settings()["baselines"])
            return {};
        problem.earlier.clear();
        VITRINE_TRY(const auto greedy, solveGreedily(problem));
        VITRINE_TRY_VOID(make("greedy: " + budget.name, "greedy", greedy, 0));
        VITRINE_TRY(const auto random, drawArchitecture(problem, run_.seed()));
        VITRINE_TRY_VOID(make("random: " + budget.name, "random", random, 0));
        return makeUniform(budget);
    }

    Result<void> make(const std::string& name, const std::string& how, const ArchitectureSolution& solution,
                      int64_t steps) {
        if (isDone(name))
            return {};
        VITRINE_TRY_VOID(run_.pausePoint());
        const auto choices = choicesOf(library_, solution.choice);
        VITRINE_TRY(auto child, assemble(parent(), library_, choices));
        Json list = Json::array();
        for (const BlockChoice& choice : choices)
            list.push_back({choice.attention, choice.feedForward});
        times_.push_back({{"name", name}, {"solver_seconds", solution.seconds}});
        return addRow(name, how, *child, steps, choices,
                      {{"choice", std::move(list)}, {"score", solution.score}, {"proven", solution.proven}});
    }

    // The widest feed-forward part for all layers alike that keeps to the budgets of size.
    Result<void> makeUniform(const PuzzleBudget& budget) {
        const std::string name = "uniform: " + budget.name;
        const DecoderConfig& config = parent().config();
        if (isDone(name) || !config.uniform() || (budget.limits.bytes == 0 && budget.limits.parameters == 0))
            return {};
        for (int64_t count = config.layers.front().feedForward.intermediate; count >= 1; --count) {
            DecoderConfig narrow = config;
            for (LayerSettings& layer : narrow.layers)
                layer.feedForward.intermediate = count;
            const StructureCost cost = structureCost(narrow, costs_.profile);
            if ((budget.limits.bytes > 0 && cost.bytes() > budget.limits.bytes) ||
                (budget.limits.parameters > 0 && double(cost.parameters) > budget.limits.parameters))
                continue;
            VITRINE_TRY(const SlicePlan plan, planFor(config, ranking_, {.intermediate = count}, {}));
            VITRINE_TRY(const auto child, sliceModel(parent(), plan));
            return addRow(name, "uniform", *child, 0, {}, {{"neurons", count}});
        }
        run_.log(name + ": no number of neurons is small enough");
        return {};
    }

    Result<void> addRow(const std::string& name, const std::string& how, const LanguageModel& model,
                        int64_t steps, const std::vector<BlockChoice>& choices, Json row) {
        VITRINE_TRY(const HeldOutScore begun, shared_->evaluate(model));
        const StructureCost cost = structureCost(model.config(), costs_.profile);
        row.update({{"name", name},
                    {"how", how},
                    {"parameters", cost.parameters},
                    {"bytes", cost.bytes()},
                    {"nats_assembled", begun.nats},
                    {"nats_per_token", begun.nats},
                    {"steps", steps},
                    {"texts", begun.texts}});
        if (!choices.empty() || name == kParent) {
            const PartCost parts =
                costs_.of(choices.empty() ? std::vector<BlockChoice>(size_t(library_.depth())) : choices);
            row["prompt_seconds"] = parts.promptSeconds;
            row["token_seconds"] = parts.tokenSeconds;
        }
        std::unique_ptr<LanguageModel> learnt;
        if (steps > 0) {
            VITRINE_TRY(learnt, distilWhole(name, model, steps));
            VITRINE_TRY(const HeldOutScore score, shared_->evaluate(*learnt));
            row["nats_per_token"] = score.nats;
            row["texts"] = score.texts;
        }
        const double nats = row["nats_per_token"], assembled = row["nats_assembled"];
        row["difference_to_parent"] = rows_.empty() ? 0.0 : nats - rows_[0]["nats_per_token"].get<double>();
        run_.metric("nats per token/" + how, cost.parameters, nats);
        run_.log(fmt::format(
            "{}: {} parameters, {:.0f} bytes, {:.4f} nats per token assembled, {:.4f} at the end "
            "({:+.4f} to the parent)",
            name, cost.parameters, cost.bytes(), assembled, nats, row["difference_to_parent"].get<double>()));
        rows_.push_back(std::move(row));
        if (how == "puzzle")
            VITRINE_TRY_VOID(keep(name, learnt ? *learnt : model));
        return run_.saveState(state());
    }

    // L = Σ (1 - cos of the streams) + KL: no cross-entropy.
    Result<std::unique_ptr<LanguageModel>> distilWhole(const std::string& name, const LanguageModel& model,
                                                       int64_t steps) {
        VITRINE_TRY(DistillationOptions options, shared_->distillationOptions());
        const int64_t depth = library_.depth(),
                      blocks = std::min<int64_t>(run_.settings()["state_blocks"].get<int64_t>(), depth);
        for (int64_t k = depth - blocks + 1; k <= depth; ++k)
            options.states.push_back({k, k});
        if (run_.settings()["state_embedding"])
            options.states.push_back({0, 0});
        options.balance = false;
        options.stateWeight = double(options.states.size());
        return shared_->distil(name, model.clone(), steps, options, {}, [this] { return state(); });
    }

    Result<void> keep(const std::string& name, const LanguageModel& model) {
        const std::string policy = run_.settings()["keep"];
        const double nats = rows_.back()["nats_per_token"];
        const bool better = best_.is_null() || nats < best_["nats_per_token"].get<double>();
        if (better)
            best_ = {{"name", name}, {"nats_per_token", nats}};
        if (policy == "none" || (policy == "best" && !better))
            return {};
        const Json lineage{
            {"parent", shared_->identity()},    {"weights", library_.modelHash},  {"architecture", name},
            {"choice", rows_.back()["choice"]}, {"steps", rows_.back()["steps"]}, {"seed", run_.seed()},
            {"held_out", rows_.back()["texts"]}};
        VITRINE_TRY([[maybe_unused]] const fs::path folder,
                    shared_->exportModel(model, policy == "best" ? "best" : name, lineage));
        return {};
    }

    Result<void> report() {
        const Json all{{"library", library_.json(parent().config())},
                       {"costs", costsJson_},
                       {"architectures", rows_},
                       {"additivity", additivity_},
                       {"best", best_}};
        VITRINE_TRY([[maybe_unused]] const auto json,
                    run_.putArtifact("puzzle.json", all.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const auto times,
                    run_.putArtifact("times.json", times_.dump(2) + "\n",
                                     {.kind = "log", .mediaType = "application/json"}));
        VITRINE_TRY(
            [[maybe_unused]] const auto table,
            run_.putArtifact("architectures.csv",
                             jsonRowsCsv(rows_, {"name", "how", "parameters", "bytes", "prompt_seconds",
                                                 "token_seconds", "score", "proven", "nats_assembled",
                                                 "steps", "nats_per_token", "difference_to_parent"}),
                             {.kind = "table", .mediaType = "text/csv"}));
        return {};
    }

    RunContext& run_;
    std::optional<DistillationRun> shared_;
    StructureRanking ranking_;
    BlockLibrary library_;
    LibraryCosts costs_;
    std::vector<PuzzleBudget> budgets_;
    Json rows_ = Json::array(), times_ = Json::array(), best_, additivity_, costsJson_;
};

}  // namespace

JobKind puzzleKind() {
    JobKind kind;
    kind.name = "puzzle";
    kind.summary = "Search a language model's best architecture under budgets, block by block";
    kind.settingsSchema = puzzleSettingsSchema();
    kind.run = [](RunContext& run) { return PuzzleJob(run).execute(); };
    return kind;
}

}  // namespace vitrine
