#include "core/engine/puzzle_kind.h"

#include "core/engine/compressed_model.h"
#include "core/engine/distillation_run.h"
#include "core/engine/puzzle_schema.h"
#include "core/puzzle/variant_costs.h"
#include "core/runs/run_context.h"
#include "core/structured/block_influence.h"
#include "core/structured/slicer.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kParent = "parent";

struct NamedLimits {
    std::string name;
    ArchitectureLimits limits;
};

class PuzzleJob {
  public:
    explicit PuzzleJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(shared_, DistillationRun::open(run_));
        if (run_.savedState())
            VITRINE_TRY_VOID(restore(*run_.savedState()));
        VITRINE_TRY(ranking_, rankStructures(parent(), shared_->calibration(), {}, run_.job()));
        VITRINE_TRY_VOID(buildLibrary());
        VITRINE_TRY_VOID(measureCosts());
        if (!isDone(kParent))
            VITRINE_TRY_VOID(addRow(kParent, "parent", parent(), 0, {}, Json::object()));
        VITRINE_TRY_VOID(checkBudgets());
        if (additivity_.is_null())
            VITRINE_TRY_VOID(checkAdditivity());
        for (const NamedLimits& budget : budgets_)
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

    // Layer by layer: taught, scored, saved.
    Result<void> buildLibrary() {
        const Json& settings = run_.settings();
        const fs::path own = shared_->scratch() / "library.safetensors";
        const std::string given = settings["library"];
        std::error_code ignored;
        if (fs::exists(own, ignored) || !given.empty()) {
            const fs::path file = fs::exists(own, ignored) ? own : fs::path(given);
            VITRINE_TRY(library_, BlockLibrary::load(file));
            VITRINE_TRY_VOID(library_.checkModel(parent()).map_error(
                [&](const Error& error) { return error.in(file.string()); }));
        } else {
            const VariantGrid grid{settings["key_value_heads"],     settings["neuron_shares"],
                                   settings["attention_linear"],    settings["attention_none"],
                                   settings["feed_forward_linear"], settings["feed_forward_none"]};
            VITRINE_TRY(library_, startLibrary(parent(), ranking_, grid, shared_->calibration(), run_.job()));
        }
        const BlockwiseOptions options{settings["blockwise_steps"], settings["blockwise_rate"], 1.0,
                                       run_.seed()};
        run_.job().beginStage("teaching blocks", library_.depth());
        JobContext quiet(run_.job().stopToken(), {});
        for (int64_t layer = 0; layer < library_.depth(); ++layer) {
            VITRINE_TRY_VOID(run_.pausePoint());
            if (!library_.layers[size_t(layer)].scores.defined()) {
                VITRINE_TRY_VOID(
                    distilLayer(parent(), layer, shared_->calibration(), options, library_, quiet));
                VITRINE_TRY_VOID(scoreLayer(parent(), layer, scoreWindows(), library_, quiet));
                VITRINE_TRY_VOID(library_.save(own));
                VITRINE_TRY_VOID(run_.saveState(state()));
            }
            recordLayer(layer);
            run_.job().advance();
        }
        VITRINE_TRY_VOID(library_.save(own));
        VITRINE_TRY([[maybe_unused]] const auto stored,
                    run_.putArtifactFile("library.safetensors", own,
                                         {.kind = "library",
                                          .mediaType = "application/x-safetensors",
                                          .provenance = {{"model", shared_->identity()},
                                                         {"weights", library_.modelHash},
                                                         {"calibration", shared_->calibrationHash()}}}));
        return {};
    }

    void recordLayer(int64_t layer) {
        const LayerVariants& variants = library_.layers[size_t(layer)];
        for (size_t i = 1; i < variants.attention.size(); ++i)
            run_.metric("score/attention: " + variants.attention[i].name, layer,
                        variants.scores[int64_t(i)][0].item<double>());
        for (size_t j = 1; j < variants.feedForward.size(); ++j)
            run_.metric("score/feed-forward: " + variants.feedForward[j].name, layer,
                        variants.scores[0][int64_t(j)].item<double>());
    }

    std::vector<at::Tensor> scoreWindows() const {
        std::vector<at::Tensor> windows;
        int64_t left = run_.settings()["score_windows"];
        for (const at::Tensor& batch : shared_->calibration()) {
            if (left <= 0)
                break;
            windows.push_back(batch.narrow(0, 0, std::min(left, batch.size(0))));
            left -= windows.back().size(0);
        }
        return windows;
    }

    // Times are measured once; a resumed run searches with the same ones.
    Result<void> measureCosts() {
        const Json& settings = run_.settings();
        DeploymentProfile profile;
        profile.batch = settings["profile_batch"];
        const int64_t half = parent().config().contextLength / 2;
        const int64_t prompt = settings["profile_prompt"], generated = settings["profile_generated"];
        profile.prompt = prompt > 0 ? prompt : half;
        profile.generated = generated > 0 ? generated : half;
        const bool known = !costsJson_.is_null();
        const bool timed = settings["measure_times"];
        VITRINE_TRY(costs_, libraryCosts(parent(), library_, profile, timed && !known, run_.job()));
        if (known)
            takeTimes();
        costsJson_ = costs_.json();
        return run_.saveState(state());
    }

    void takeTimes() {
        const auto take = [](PartCost& cost, const Json& json) {
            cost.promptSeconds = json["prompt_seconds"];
            cost.tokenSeconds = json["token_seconds"];
        };
        take(costs_.outer, costsJson_["outer"]);
        for (size_t i = 0; i < costs_.layers.size(); ++i) {
            for (size_t j = 0; j < costs_.layers[i].attention.size(); ++j)
                take(costs_.layers[i].attention[j], costsJson_["layers"][i]["attention"][j]);
            for (size_t j = 0; j < costs_.layers[i].feedForward.size(); ++j)
                take(costs_.layers[i].feedForward[j], costsJson_["layers"][i]["feed_forward"][j]);
        }
    }

    // All budgets are looked at before anything long begins.
    Result<void> checkBudgets() {
        const PartCost whole = costs_.of(std::vector<BlockChoice>(size_t(library_.depth())));
        budgets_.clear();
        for (const Json& entry : run_.settings()["budgets"]) {
            NamedLimits budget;
            const auto share = [&](const char* key, double of, double& limit) {
                const double value = entry.value(key, 0.0);
                if (value <= 0)
                    return;
                limit = value * of;
                budget.name += fmt::format("{}{} {:g}", budget.name.empty() ? "" : ", ", key, value);
            };
            share("parameters", whole.parameters, budget.limits.parameters);
            share("bytes", whole.bytes, budget.limits.bytes);
            share("prompt_time", whole.promptSeconds, budget.limits.promptSeconds);
            const double perSecond =
                whole.tokenSeconds > 0 ? double(costs_.profile.batch) / whole.tokenSeconds : 0;
            share("speed", perSecond, budget.limits.tokensPerSecond);
            if ((entry.value("prompt_time", 0.0) > 0 || entry.value("speed", 0.0) > 0) && perSecond == 0)
                return fail(ErrorCode::InvalidArgument, "a budget of time needs times",
                            "settings/budgets/" + budget.name, "Set measure_times");
            if (budget.name.empty())
                return fail(ErrorCode::InvalidArgument, "a budget limits nothing", "settings/budgets",
                            "Give it parameters, bytes, prompt_time or speed");
            const auto solved = solveArchitecture(architectureProblem(library_, costs_, budget.limits));
            if (!solved)
                return fail(solved.error().in("settings/budgets/" + budget.name));
            budgets_.push_back(budget);
        }
        return {};
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
            losses.push_back(lossWithout(child->decoder(), scoreWindows(), Players::Blocks, {}));
            run_.job().advance();
        }
        const double rho = spearmanRho(at::tensor(sums, at::kDouble), at::tensor(losses, at::kDouble));
        additivity_ = {{"spearman", rho}, {"sums_of_scores", sums}, {"nats_per_token", losses}};
        run_.log(
            fmt::format("sums of scores and losses of {} random assemblies: Spearman {:.3f}", count, rho));
        return run_.saveState(state());
    }

    Result<void> search(const NamedLimits& budget) {
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
    Result<void> makeUniform(const NamedLimits& budget) {
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
    std::vector<NamedLimits> budgets_;
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
