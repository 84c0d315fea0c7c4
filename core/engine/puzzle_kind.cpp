#include "core/engine/puzzle_kind.h"

#include "core/engine/compressed_model.h"
#include "core/engine/held_out_copying.h"
#include "core/engine/puzzle_budgets.h"
#include "core/engine/puzzle_controls.h"
#include "core/engine/puzzle_library.h"
#include "core/engine/puzzle_report.h"
#include "core/engine/puzzle_schema.h"
#include "core/puzzle/refined_search.h"
#include "core/runs/run_context.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kParent = "parent";
constexpr const char* kChain = "chain";

class PuzzleJob {
  public:
    explicit PuzzleJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(shared_, DistillationRun::open(run_));
        if (run_.savedState())
            VITRINE_TRY_VOID(restore(*run_.savedState()));
        VITRINE_TRY(trunk_, puzzleTrunk(run_, *shared_, chain_, [this] { return state(); }));
        VITRINE_TRY(ranking_, rankStructures(trunk(), shared_->calibration(), {}, run_.job()));
        VITRINE_TRY(library_, makePuzzleLibrary(run_, *shared_, trunk(), ranking_,
                                                [this] { return run_.saveState(state()); }));
        VITRINE_TRY(costs_, puzzleCosts(run_, trunk_, library_, costsJson_));
        costsJson_ = costs_.json();
        VITRINE_TRY_VOID(run_.saveState(state()));
        if (!isDone(kParent))
            VITRINE_TRY_VOID(addRow(kParent, "parent", costs_.measured, *shared_->teacher(), 0,
                                    costs_.measured.parent(), Json::object()));
        if (!chain_.is_null() && !isDone(kChain))
            VITRINE_TRY_VOID(addTrunk());
        // All budgets are looked at before anything long begins.
        VITRINE_TRY(budgets_, puzzleBudgets(run_.settings()["budgets"], library_, costs_));
        if (additivity_.is_null()) {
            VITRINE_TRY(additivity_, puzzleAdditivity(run_, *shared_, trunk(), library_, costs_.measured));
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        for (const PuzzleBudget& budget : budgets_)
            VITRINE_TRY_VOID(search(budget));
        if (run_.settings()["coupled_steps"].get<int64_t>() > 0)
            VITRINE_TRY_VOID(searchPairs());
        return report();
    }

  private:
    // What the library is of: the parent, or what a chain left of it.
    const LanguageModel& trunk() const { return *trunk_.model; }

    Json state() const {
        Json state{{"rows", rows_},
                   {"best", best_},
                   {"additivity", additivity_},
                   {"times", times_},
                   {"chain", chain_}};
        if (!costsJson_.is_null())
            state.update(costsJson_);
        state.update(shared_->ground());
        return state;
    }
    Result<void> restore(const Json& state) {
        VITRINE_TRY_VOID(shared_->checkGround(state));
        rows_ = state["rows"];
        best_ = state["best"];
        chain_ = state.value("chain", Json());
        additivity_ = state["additivity"];
        if (state.contains("costs") && !state["costs"].is_null())
            costsJson_ = {{"costs", state["costs"]},
                          {"other_costs", state.value("other_costs", Json::array())}};
        times_ = state["times"];
        return {};
    }
    bool isDone(const std::string& name) const {
        return std::any_of(rows_.begin(), rows_.end(), [&](const Json& row) { return row["name"] == name; });
    }

    Result<void> search(const PuzzleBudget& budget) {
        ArchitectureProblem problem = architectureProblem(library_, budget.costs, budget.limits);
        problem.difference = run_.settings()["difference"];
        if (budget.batches.size() > 1)
            run_.log(fmt::format("{}: of {} numbers of sequences at once {} is the best", budget.name,
                                 budget.batches.size(), budget.costs.use.batch));
        const int64_t more = run_.settings()["alternatives"];
        VITRINE_TRY(const auto solutions, solveDiverse(problem, more));
        VITRINE_TRY([[maybe_unused]] const auto stored,
                    run_.putArtifact(plainFileName(budget.name) + ".lp", architectureLp(problem),
                                     {.kind = "report", .mediaType = "text/plain"}));
        if (int64_t(solutions.size()) <= more)
            run_.log(
                fmt::format("{}: only {} alternatives differ enough", budget.name, solutions.size() - 1));
        for (size_t i = 0; i < solutions.size(); ++i) {
            const std::string name =
                "puzzle: " + budget.name + (i > 0 ? fmt::format(", alternative {}", i) : "");
            VITRINE_TRY_VOID(make(name, "puzzle", budget, solutions[i], run_.settings()["steps"]));
        }
        VITRINE_TRY_VOID(refine(budget, problem, solutions[0]));
        if (!run_.settings()["baselines"])
            return {};
        VITRINE_TRY(const auto greedy, solveGreedily(problem));
        VITRINE_TRY_VOID(make("greedy: " + budget.name, "greedy", budget, greedy, 0));
        VITRINE_TRY(const auto random, drawArchitecture(problem, run_.seed()));
        VITRINE_TRY_VOID(make("random: " + budget.name, "random", budget, random, 0));
        return makeUniform(budget);
    }

    // Scores measured anew around what was found.
    Result<void> refine(const PuzzleBudget& budget, const ArchitectureProblem& problem,
                        const ArchitectureSolution& found) {
        const int64_t rounds = run_.settings()["refinements"];
        const std::string name = "refined: " + budget.name;
        if (rounds == 0 || isDone(name))
            return {};
        VITRINE_TRY_VOID(run_.pausePoint());
        VITRINE_TRY(const ScoreOptions scoring, puzzleScoreOptions(run_, *shared_, trunk()));
        VITRINE_TRY(const RefinedArchitecture refined,
                    refineArchitecture(trunk(), library_, problem, found.choice, rounds,
                                       puzzleScoreWindows(run_, *shared_), scoring, run_.job()));
        run_.log(fmt::format("{}: whole score {:.5f}, {:.5f} after {} rounds, {} of them better", name,
                             refined.before, refined.after, refined.rounds, refined.taken));
        ArchitectureSolution solution;
        solution.choice = refined.choice;
        solution.score = problem.scoreOf(refined.choice);
        solution.proven = false;
        return make(name, "refined", budget, solution, run_.settings()["steps"], PartsTaught::Alone,
                    {{"whole_score_before", refined.before},
                     {"whole_score", refined.after},
                     {"rounds", refined.rounds},
                     {"rounds_taken", refined.taken}});
    }

    // The second search: over the pairs that the first one chose, taught together.
    Result<void> searchPairs() {
        VITRINE_TRY_VOID(teachPuzzlePairs(run_, *shared_, trunk(), rows_, library_,
                                          [this] { return run_.saveState(state()); }));
        for (const PuzzleBudget& budget : budgets_) {
            VITRINE_TRY(const auto solved,
                        solveArchitecture(pairProblem(library_, budget.costs, budget.limits)));
            VITRINE_TRY_VOID(make("coupled: " + budget.name, "coupled", budget, solved,
                                  run_.settings()["steps"], PartsTaught::Together));
        }
        return {};
    }

    Result<void> make(const std::string& name, const std::string& how, const PuzzleBudget& budget,
                      const ArchitectureSolution& solution, int64_t steps,
                      PartsTaught taught = PartsTaught::Alone, Json more = Json::object()) {
        if (isDone(name))
            return {};
        VITRINE_TRY_VOID(run_.pausePoint());
        const auto choices = choicesOf(library_, solution.choice);
        VITRINE_TRY(auto child, assemble(trunk(), library_, choices, taught));
        Json list = Json::array();
        for (const BlockChoice& choice : choices)
            list.push_back({choice.attention, choice.feedForward});
        times_.push_back({{"name", name}, {"solver_seconds", solution.seconds}});
        more.update({{"budget", budget.name},
                     {"choice", std::move(list)},
                     {"score", solution.score},
                     {"proven", solution.proven}});
        return addRow(name, how, budget.costs, *child, steps, budget.costs.of(choices), std::move(more));
    }

    Result<void> makeUniform(const PuzzleBudget& budget) {
        const std::string name = "uniform: " + budget.name;
        if (isDone(name))
            return {};
        VITRINE_TRY(const auto child, uniformChild(trunk(), ranking_, budget.limits, budget.costs.profile));
        if (child)
            return addRow(name, "uniform", budget.costs, *child->model, 0, std::nullopt,
                          {{"budget", budget.name}, {"neurons", child->neurons}});
        if (budget.limits.bytes > 0 || budget.limits.parameters > 0)
            run_.log(name + ": no number of neurons is small enough");
        return {};
    }

    // What the whole chain began with, beside the parent.
    Result<void> addTrunk() {
        const auto depth = size_t(library_.depth());
        return addRow(kChain, "chain", costs_.measured, trunk(), 0,
                      costs_.measured.of(std::vector<BlockChoice>(depth)),
                      {{"choice", Json(depth, Json::array({0, 0}))},
                       {"nats_assembled", chain_["nats_as_cut"]},
                       {"steps", chain_["steps"]}});
    }

    // `parts`: the sum of costs; none of a model that is no library's. `more` counts where it says otherwise.
    Result<void> addRow(const std::string& name, const std::string& how, const LibraryCosts& costs,
                        const LanguageModel& model, int64_t steps, const std::optional<PartCost>& parts,
                        const Json& more) {
        VITRINE_TRY(const HeldOutScore begun, shared_->evaluate(model));
        const StructureCost cost = structureCost(model.config(), costs.profile);
        Json row{{"name", name},
                 {"how", how},
                 {"parameters", cost.parameters},
                 {"bytes", cost.bytes()},
                 {"cache_bytes", cost.cacheBytes},
                 {"batch", costs.use.batch},
                 {"prompt", costs.use.prompt},
                 {"generated", costs.use.generated},
                 {"nats_assembled", begun.nats},
                 {"nats_per_token", begun.nats},
                 {"steps", steps},
                 {"texts", begun.texts}};
        row.update(more);
        if (parts) {
            row["prompt_seconds"] = parts->promptSeconds;
            row["token_seconds"] = parts->tokenSeconds;
            row["tokens_per_second"] = costs.tokensPerSecond(*parts);
        }
        std::unique_ptr<LanguageModel> learnt;
        if (steps > 0) {
            VITRINE_TRY(const auto options, wholeDistillation(run_, *shared_, trunk_.kept));
            VITRINE_TRY(learnt,
                        shared_->distil(name, model.clone(), steps, options, {}, [this] { return state(); }));
            VITRINE_TRY(const HeldOutScore score, shared_->evaluate(*learnt));
            row["nats_per_token"] = score.nats;
            row["texts"] = score.texts;
        }
        row.update(copyingRow(row["texts"]));
        const double nats = row["nats_per_token"], assembled = row["nats_assembled"];
        row["difference_to_parent"] = rows_.empty() ? 0.0 : nats - rows_[0]["nats_per_token"].get<double>();
        run_.metric("nats per token/" + how, cost.parameters, nats);
        run_.log(fmt::format(
            "{}: {} parameters, {:.0f} bytes, {:.4f} nats per token assembled, {:.4f} at the end "
            "({:+.4f} to the parent)",
            name, cost.parameters, cost.bytes(), assembled, nats, row["difference_to_parent"].get<double>()));
        rows_.push_back(std::move(row));
        if (how == "puzzle" || how == "refined" || how == "coupled")
            VITRINE_TRY_VOID(keep(name, learnt ? *learnt : model));
        return run_.saveState(state());
    }

    Result<void> keep(const std::string& name, const LanguageModel& model) {
        const std::string policy = run_.settings()["keep"];
        const double nats = rows_.back()["nats_per_token"];
        const bool better = best_.is_null() || nats < best_["nats_per_token"].get<double>();
        if (better)
            best_ = {{"name", name}, {"nats_per_token", nats}};
        if (policy == "none" || (policy == "best" && !better))
            return {};
        Json lineage{
            {"parent", shared_->identity()},    {"weights", library_.modelHash},  {"architecture", name},
            {"choice", rows_.back()["choice"]}, {"steps", rows_.back()["steps"]}, {"seed", run_.seed()},
            {"held_out", rows_.back()["texts"]}};
        if (!chain_.is_null()) {
            lineage["weights"] = structureFingerprint(*shared_->teacher());
            for (const char* key : {"kept", "removed", "metric", "steps", "weights"})
                lineage["chain"][key] = chain_[key];
        }
        VITRINE_TRY([[maybe_unused]] const fs::path folder,
                    shared_->exportModel(model, policy == "best" ? "best" : name, lineage));
        return {};
    }

    Result<void> report() {
        Json batches = Json::object();
        for (const PuzzleBudget& budget : budgets_)
            batches[budget.name] = budget.batches;
        Json all{{"chain", chain_},
                 {"library", library_.json(trunk().config())},
                 {"batches", std::move(batches)},
                 {"architectures", rows_},
                 {"additivity", additivity_},
                 {"best", best_}};
        all.update(costsJson_);
        return keepPuzzleReport(run_, all, times_);
    }

    RunContext& run_;
    std::optional<DistillationRun> shared_;
    PuzzleTrunk trunk_;
    StructureRanking ranking_;
    BlockLibrary library_;
    PuzzleCosts costs_;
    std::vector<PuzzleBudget> budgets_;
    Json rows_ = Json::array(), times_ = Json::array(), best_, additivity_, costsJson_, chain_;
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
