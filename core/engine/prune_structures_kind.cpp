#include "core/engine/prune_structures_kind.h"

#include "core/engine/compressed_model.h"
#include "core/engine/distillation_run.h"
#include "core/engine/held_out_copying.h"
#include "core/engine/prune_structures_schema.h"
#include "core/engine/structure_students.h"
#include "core/runs/run_context.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDense = "dense";
constexpr const char* kCorrected = "corrected teacher";

class PruneStructuresJob {
  public:
    explicit PruneStructuresJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(shared_, DistillationRun::open(run_));
        if (run_.savedState())
            VITRINE_TRY_VOID(restore(*run_.savedState()));
        VITRINE_TRY(selection_, selectionFrom(run_.settings(), run_.seed()));
        VITRINE_TRY(std::vector<StudentPlan> plans, studentPlansFrom(run_.settings()));
        VITRINE_TRY(const auto candidates, searchPlansFrom(run_.settings(), teacher().config()));
        plans.insert(plans.end(), candidates.begin(), candidates.end());
        if (plans.empty())
            return fail(ErrorCode::InvalidArgument, "there is no student to make", "settings/plans",
                        "Name plans, or a budget to search under");
        if (!isDone(kDense))
            VITRINE_TRY_VOID(addReference(kDense));
        VITRINE_TRY_VOID(correctTeacher());
        VITRINE_TRY_VOID(rank());
        for (const StudentPlan& plan : plans)
            if (!isDone(plan.name))
                VITRINE_TRY_VOID(make(plan));
        if (!candidates.empty())
            VITRINE_TRY_VOID(makeBestOf(candidates));
        return report();
    }

  private:
    const LanguageModel& teacher() const { return *shared_->teacher(); }

    Json state() const {
        Json state{{"rows", rows_}, {"best", best_}, {"plans", run_.settings()["plans"]}};
        state.update(shared_->ground());
        return state;
    }
    Result<void> restore(const Json& state) {
        VITRINE_TRY_VOID(shared_->checkGround(state));
        rows_ = state["rows"];
        best_ = state["best"];
        return {};
    }
    Result<void> keepState() { return run_.saveState(state()); }
    bool isDone(const std::string& name) const {
        return std::any_of(rows_.begin(), rows_.end(),
                           [&](const Json& row) { return row["student"] == name; });
    }

    Json costOf(const DecoderConfig& config) const {
        DeploymentProfile profile;
        profile.batch = run_.settings()["search_batch"];
        return structureCost(config, profile).json();
    }

    void finishRow(Json row) {
        const double dense =
            rows_.empty() ? row["nats_per_token"].get<double>() : rows_[0]["nats_per_token"].get<double>();
        row["difference_to_dense"] = row["nats_per_token"].get<double>() - dense;
        row.update(copyingRow(row["texts"]));
        const std::string name = row["student"];
        const auto step = int64_t(rows_.size());
        run_.metric("nats per token/" + name, step, row["nats_per_token"]);
        run_.metric("parameters/" + name, step, row["parameters"].get<double>());
        if (row.contains("nats_as_cut"))
            run_.metric("nats per token, as cut/" + name, step, row["nats_as_cut"]);
        run_.log(fmt::format("{}: {} parameters, {}{:.4f} nats per token ({:+.4f} to dense)", name,
                             row["parameters"].get<int64_t>(),
                             row.contains("nats_as_cut")
                                 ? fmt::format("{:.4f} as cut, ", row["nats_as_cut"].get<double>())
                                 : "",
                             row["nats_per_token"].get<double>(), row["difference_to_dense"].get<double>()));
        rows_.push_back(std::move(row));
    }

    Result<void> addReference(const std::string& name) {
        VITRINE_TRY(const HeldOutScore score, shared_->evaluate(teacher()));
        Json row = costOf(teacher().config());
        row.update(
            {{"student", name}, {"control", false}, {"nats_per_token", score.nats}, {"texts", score.texts}});
        finishRow(std::move(row));
        return keepState();
    }

    // "First fine-tune the teacher on the distillation corpus" (Sreenivas et al. 2024).
    Result<void> correctTeacher() {
        const int64_t steps = run_.settings()["teacher_steps"];
        if (steps == 0)
            return {};
        const fs::path folder = shared_->scratch() / "corrected_teacher";
        if (isDone(kCorrected)) {
            VITRINE_TRY(auto corrected, loadLanguageModel(folder, {.device = teacher().decoder().device(),
                                                                   .dtype = teacher().decoder().type()}));
            shared_->setTeacher(std::move(corrected));
            return {};
        }
        VITRINE_TRY(auto corrected, shared_->distil(kCorrected, teacher().clone(), steps, std::nullopt, {},
                                                    [this] { return state(); }));
        VITRINE_TRY_VOID(saveLanguageModel(*corrected, folder));
        shared_->setTeacher(std::move(corrected));
        return addReference(kCorrected);
    }

    Result<void> rank() {
        const std::string given = run_.settings()["ranking"];
        const fs::path own = shared_->scratch() / "ranking.safetensors";
        std::error_code ignored;
        if (!given.empty() || fs::exists(own, ignored)) {
            const fs::path file = fs::exists(own, ignored) ? own : fs::path(given);
            VITRINE_TRY(ranking_, StructureRanking::load(file));
            VITRINE_TRY_VOID(ranking_.checkModel(teacher()).map_error(
                [&](const Error& error) { return error.in(file.string()); }));
        } else {
            VITRINE_TRY(ranking_, rankStructures(teacher(), shared_->calibration(),
                                                 {run_.settings()["skip_tokens"]}, run_.job()));
            ranking_.source.dataHash = shared_->calibrationHash();
            ranking_.source.seed = run_.seed();
        }
        VITRINE_TRY_VOID(addInfluence(teacher(), shared_->calibration(), selection_.blockMetric, run_.seed(),
                                      ranking_, run_.job()));
        VITRINE_TRY_VOID(ranking_.save(own));
        const Json from{{"model", shared_->identity()},
                        {"weights", ranking_.source.modelHash},
                        {"calibration", ranking_.source.dataHash}};
        VITRINE_TRY([[maybe_unused]] const auto file,
                    run_.putArtifactFile(
                        "ranking.safetensors", own,
                        {.kind = "ranking", .mediaType = "application/x-safetensors", .provenance = from}));
        VITRINE_TRY(
            [[maybe_unused]] const auto json,
            run_.putArtifact("ranking.json", rankingJson(ranking_, selection_).dump() + "\n",
                             {.kind = "report", .mediaType = "application/json", .provenance = from}));
        for (const auto& [metric, values] : ranking_.blocks)
            for (int64_t block = 0; block < values.numel(); ++block)
                run_.metric("influence of blocks/" + metric, block, values[block].item<double>());
        return {};
    }

    Result<void> make(const StudentPlan& plan) {
        VITRINE_TRY_VOID(run_.pausePoint());
        VITRINE_TRY(Student student,
                    makeStudent(teacher(), ranking_, plan, selection_, shared_->calibration(), run_.job()));
        VITRINE_TRY(const HeldOutScore cut, shared_->evaluate(*student.model));
        Json row = costOf(student.model->config());
        row.update({{"student", plan.name},
                    {"control", plan.control},
                    {"candidate", plan.candidate},
                    {"sizes", plan.sizes.json()},
                    {"merge_heads", headMergeName(plan.mergeHeads)},
                    {"attention_removed", plan.attentionRemoved},
                    {"feed_forward_removed", plan.feedForwardRemoved},
                    {"stand_in", plan.standIn},
                    {"rank", plan.rank},
                    {"nats_as_cut", cut.nats},
                    {"layers", student.slice.json()["blocks"].size()},
                    {"slice", student.slice.json()}});
        Json standIns = Json::array();
        for (const EmulationReport& one : student.standIns)
            standIns.push_back({{"player", one.player},
                                {"left_by_mean", one.leftByMean},
                                {"left_by_map", one.leftByMap},
                                {"parameters", one.addedParameters}});
        if (!standIns.empty())
            row["stand_ins"] = std::move(standIns);
        const int64_t steps = run_.settings()[plan.candidate ? "search_steps" : "steps"];
        VITRINE_TRY(const DistillationOptions options, optionsFor(student));
        VITRINE_TRY(auto learnt, shared_->distil(plan.name, std::move(student.model), steps, options,
                                                 student.projection, [this] { return state(); }));
        VITRINE_TRY(const HeldOutScore score, shared_->evaluate(*learnt));
        row["steps"] = steps;
        row["nats_per_token"] = score.nats;
        row["texts"] = score.texts;
        finishRow(std::move(row));
        if (!plan.candidate)
            VITRINE_TRY_VOID(keep(plan, *learnt));
        return keepState();
    }

    Result<DistillationOptions> optionsFor(const Student& student) const {
        VITRINE_TRY(DistillationOptions options, shared_->distillationOptions());
        const int64_t blocks = run_.settings()["state_blocks"];
        const auto count = int64_t(student.states.size());
        for (int64_t i = std::max<int64_t>(1, count - blocks); i < count; ++i)
            options.states.push_back(student.states[size_t(i)]);
        if (run_.settings()["state_embedding"])
            options.states.push_back(student.states[0]);
        return options;
    }

    // The candidate that the short distillation left best is distilled in full.
    Result<void> makeBestOf(const std::vector<StudentPlan>& candidates) {
        std::vector<double> before, after;
        for (const StudentPlan& candidate : candidates)
            for (const Json& row : rows_)
                if (row["student"] == candidate.name) {
                    before.push_back(row["nats_as_cut"]);
                    after.push_back(row["nats_per_token"]);
                }
        const auto best = size_t(std::min_element(after.begin(), after.end()) - after.begin());
        flips_ = {{"candidates", candidates.size()},
                  {"pairs", candidates.size() * (candidates.size() - 1) / 2},
                  {"flipped_by_distillation", rankFlips(before, after)},
                  {"best", candidates[best].name}};
        run_.log(fmt::format("search: {} of {} pairs of candidates changed places; best: {}",
                             rankFlips(before, after), candidates.size() * (candidates.size() - 1) / 2,
                             candidates[best].name));
        StudentPlan plan = candidates[best];
        plan.candidate = false;
        plan.name = "best of the search";
        return isDone(plan.name) ? Result<void>() : make(plan);
    }

    Result<void> keep(const StudentPlan& plan, const LanguageModel& model) {
        const std::string policy = run_.settings()["keep"];
        const double nats = rows_.back()["nats_per_token"];
        const bool better =
            !plan.control && (best_.is_null() || nats < best_["nats_per_token"].get<double>());
        if (better)
            best_ = {{"student", plan.name}, {"nats_per_token", nats}};
        if (plan.control || policy == "none" || (policy == "best" && !better))
            return {};
        const Json lineage{{"cut_from", shared_->identity()},
                           {"weights", ranking_.source.modelHash},
                           {"ranking", ranking_.source.dataHash},
                           {"sizes", plan.sizes.json()},
                           {"student", plan.name},
                           {"steps", rows_.back()["steps"]},
                           {"seed", run_.seed()},
                           {"held_out", rows_.back()["texts"]}};
        VITRINE_TRY([[maybe_unused]] const fs::path folder,
                    shared_->exportModel(model, policy == "best" ? "best" : plan.name, lineage));
        return {};
    }

    Result<void> report() {
        VITRINE_TRY(
            [[maybe_unused]] const auto json,
            run_.putArtifact("structures.json",
                             Json{{"students", rows_}, {"best", best_}, {"search", flips_}}.dump(2) + "\n",
                             {.kind = "report", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const auto table,
                    run_.putArtifact(
                        "structures.csv",
                        jsonRowsCsv(rows_, {"student", "control", "parameters", "weight_bytes", "cache_bytes",
                                            "operations_per_token", "nats_as_cut", "steps", "nats_per_token",
                                            "difference_to_dense", "copying_gain"}),
                        {.kind = "table", .mediaType = "text/csv"}));
        return {};
    }

    RunContext& run_;
    std::optional<DistillationRun> shared_;
    SelectionOptions selection_;
    StructureRanking ranking_;
    Json rows_ = Json::array(), best_, flips_;
};

}  // namespace

JobKind pruneStructuresKind() {
    JobKind kind;
    kind.name = "prune-structures";
    kind.summary = "Cut smaller language models out of one and distil them, against dense and random";
    kind.settingsSchema = pruneStructuresSettingsSchema();
    kind.run = [](RunContext& run) { return PruneStructuresJob(run).execute(); };
    return kind;
}

}  // namespace vitrine
