#include "core/engine/learn_masks_kind.h"

#include "core/base/freed_memory.h"
#include "core/engine/objective_job.h"
#include "core/engine/settings_group.h"
#include "core/mask_learning/mask_objective.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSafetensors = "application/x-safetensors";

// clang-format off
constexpr const char* kMasks = R"json({
  "pattern": {"type": "string", "enum": ["2:4", "1:4"], "default": "2:4", "title": "Pattern", "description": "Weights that stay of every four neighbouring ones."},
  "prior": {"type": "string", "enum": ["sparsegpt_mask", "wanda", "magnitude", "sparsegpt", "file", "none"], "default": "sparsegpt_mask", "title": "Begin with", "description": "The mask of a method of one pass, or of a file: masks learnt on general text are a good beginning for a domain."},
  "prior_file": {"type": "string", "default": "", "format": "file", "title": "Mask file", "description": "For \"file\": masks.safetensors of the same model."},
  "prior_strength": {"type": "number", "minimum": 0, "default": 3, "title": "Strength of the beginning", "description": "In deviations of the logits."},
  "calibration_windows": {"type": "integer", "minimum": 1, "default": 128, "title": "Calibration windows", "description": "For a method of one pass."},
  "kappa_start": {"type": "number", "exclusiveMinimum": 0, "default": 100, "title": "Scale of the logits, first"},
  "kappa_end": {"type": "number", "exclusiveMinimum": 0, "default": 500, "title": "Scale of the logits, last"},
  "tau_start": {"type": "number", "exclusiveMinimum": 0, "default": 4, "title": "Temperature, first"},
  "tau_end": {"type": "number", "exclusiveMinimum": 0, "default": 0.05, "title": "Temperature, last"},
  "regularizer": {"type": "number", "minimum": 0, "default": 1e-5, "title": "Reward of kept weight", "description": "Times the sum of their squares; falls to 0."},
  "deviation": {"type": "number", "exclusiveMinimum": 0, "default": 0.01, "title": "Deviation of the logits", "description": "At the start."},
  "rate_factor": {"type": "number", "exclusiveMinimum": 0, "default": 10, "title": "Rate factor of the logits", "description": "Do not raise it for short runs: it overshoots what they begin with."},
  "hard": {"type": "boolean", "default": false, "title": "Hard samples", "description": "Straight-through instead of soft masks."},
  "skip": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "title": "Leave out", "description": "Layers whose name holds one of these."},
  "diagnose_every": {"type": "integer", "minimum": 1, "default": 10, "live": true, "title": "Look at masks every", "unit": "steps"},
  "history_every": {"type": "integer", "minimum": 0, "default": 25, "live": true, "title": "Keep masks every", "unit": "steps", "description": "0.67 bits a weight each; 0: at the end only."}})json";
// clang-format on

Json learnMasksSchema() {
    Json properties = Json::object();
    addObjectiveSettings(properties, 300, 5e-5, 5e-6);
    addSettingsGroup(properties, kMasks, "Masks");
    return {{"type", "object"}, {"required", {"model", "texts"}}, {"properties", std::move(properties)}};
}

class LearnMasksJob : public ObjectiveJob {
  public:
    using ObjectiveJob::ObjectiveJob;

  protected:
    Result<Prepared> prepare() override {
        VITRINE_TRY(const MaskLearningOptions options, maskingOptions());
        VITRINE_TRY(const NamedTensors prior, priorMasks(options));
        Prepared prepared{dense().clone(), nullptr};
        VITRINE_TRY(objective_, MaskObjective::create(prepared.model->decoder(), options, prior));
        prepared.objective = objective_;
        run_.log(fmt::format("masks of {} layers", objective_->masks().size()));
        return prepared;
    }

    void adjust(LanguageTrainingOptions& options) const override {
        const LanguageTrainingOptions published = withMaskTrainingRates(options);
        options.beta1 = published.beta1;
        options.beta2 = published.beta2;
        options.epsilon = published.epsilon;
    }

    Result<void> settingsChanged() override {
        objective_->setSteps(settings()["steps"]);
        objective_->masks().forgetFlips();
        return {};
    }

    Result<void> settle() override {
        objective_->settle();
        return {};
    }

    Result<void> observe(int64_t step) override {
        if (isDue(settings(), "diagnose_every", step))
            diagnose(step);
        return isDue(settings(), "history_every", step) ? keepHistory(step) : Result<void>();
    }

    Result<void> exportResults() override {
        VITRINE_TRY_VOID(settle());
        VITRINE_TRY(MaskSet masks, objective_->masks().maskSet());
        Json lineage = lineageJson();
        masks.metadata = {{"method", "maskllm"}, {"lineage", lineage.dump()}};
        auto pruned = dense().clone();
        NamedTensors weights;
        for (const auto& linear : pruned->decoder().linears())
            weights[pruned->decoder().linearName(linear->place()) + ".weight"] = linear->weight;
        {
            const at::NoGradGuard plain;
            for (const std::string& name : masks.names()) {
                VITRINE_TRY(const at::Tensor mask, masks.mask(name));
                at::Tensor weight = weights.at(name);
                weight.mul_(mask.to(weight.device(), weight.scalar_type()));
            }
        }
        const fs::path folder = outputFolder();
        const SaveLanguageModelOptions options = saveOptions(lineage);
        VITRINE_TRY_VOID(saveLanguageModel(*pruned, folder, options));
        VITRINE_TRY_VOID(masks.save(folder / "masks.safetensors"));
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run_.putArtifactFile(
                        "masks.safetensors", folder / "masks.safetensors",
                        {.kind = "masks", .mediaType = kSafetensors, .provenance = options.lineage}));
        VITRINE_TRY_VOID(keepModelFiles("model", folder, options.lineage));
        return keepReport();
    }

  private:
    Result<MaskLearningOptions> maskingOptions() const {
        const Json& s = settings();
        MaskLearningOptions options;
        VITRINE_TRY(options.pattern, SparsityPattern::fromText(s["pattern"]));
        options.schedule = {s["kappa_start"], s["kappa_end"], s["tau_start"], s["tau_end"], s["regularizer"]};
        options.deviation = s["deviation"];
        options.priorStrength = s["prior_strength"];
        options.hard = s["hard"];
        options.steps = s["steps"];
        options.seed = run_.seed();
        options.rateFactor = s["rate_factor"];
        options.skip = s["skip"].get<std::vector<std::string>>();
        VITRINE_TRY_VOID(options.validate());
        return options;
    }

    // Chosen once: a run that goes on finds them beside its checkpoints.
    Result<NamedTensors> priorMasks(const MaskLearningOptions& options) {
        const std::string prior = settings()["prior"];
        if (prior == "none")
            return NamedTensors{};
        const fs::path kept = scratch() / "prior.masks.safetensors";
        std::error_code ignored;
        if (fs::exists(kept, ignored))
            return masksFromFile(kept);
        NamedTensors masks;
        if (prior == "file") {
            const std::string file = settings()["prior_file"];
            if (file.empty())
                return fail(ErrorCode::InvalidArgument, "no mask file is named", "settings/prior_file",
                            "Name a masks.safetensors, or begin with a method.");
            VITRINE_TRY_VOID(checkMaskFile(file));
            VITRINE_TRY(masks, masksFromFile(file));
        } else {
            VITRINE_TRY(const PruneMethod method, pruneMethodFromName(prior));
            auto clone = dense().clone();
            VITRINE_TRY(masks, oneShotMasks(*clone, calibration(settings()["calibration_windows"]), method,
                                            options.pattern, options.skip, run_.seed(), run_.job()));
        }
        MaskSet set;
        for (const auto& [name, mask] : masks)
            VITRINE_TRY_VOID(set.set(name + ".weight", mask.cpu()));
        VITRINE_TRY_VOID(set.save(kept));
        return masks;
    }

    // Masks of another model are refused, as everywhere.
    Result<void> checkMaskFile(const fs::path& file) const {
        VITRINE_TRY(const MaskSet set, MaskSet::load(file));
        NamedTensors weights;
        const auto names = set.names();
        for (const auto& linear : dense().decoder().linears())
            if (const std::string name = dense().decoder().linearName(linear->place()) + ".weight";
                std::find(names.begin(), names.end(), name) != names.end())
                weights[name] = linear->weight.cpu();
        if (!set.fingerprint.empty() && weightFingerprint(weights) != set.fingerprint)
            return fail(ErrorCode::InvalidArgument, "the masks were made for other weights", file.string(),
                        "Take masks of this model.");
        return {};
    }

    void diagnose(int64_t step) {
        const MaskSchedule& schedule = objective_->options().schedule;
        const double progress = objective_->progress(step);
        const double kappa = schedule.kappa(progress);
        run_.metric("masks/kappa", step, kappa);
        run_.metric("masks/tau", step, schedule.tau(progress));
        for (const MaskDiagnosis& one : objective_->masks().diagnose(kappa)) {
            const std::string front = one.layer.empty() ? "masks/" : "layers/" + one.layer + "/";
            run_.metric(front + "flip rate", step, one.flipped);
            run_.metric(front + "changed from the beginning", step, one.fromStart);
            run_.metric(front + "largest probability", step, one.largestProbability);
            run_.metric(front + "entropy (nats)", step, one.entropy);
            if (one.layer.empty()) {
                run_.metric("masks/logit mean", step, one.mean);
                run_.metric("masks/logit deviation", step, one.deviation);
            }
        }
    }

    // One frame of the masks' movie.
    Result<void> keepHistory(int64_t step) {
        VITRINE_TRY(MaskSet masks, objective_->masks().maskSet());
        masks.metadata = {{"step", std::to_string(step)}};
        const fs::path file = scratch() / "history.tmp";
        VITRINE_TRY_VOID(masks.save(file));
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run_.putArtifactFile(fmt::format("history/step-{:07}.safetensors", step), file,
                                         {.kind = "masks", .step = step, .mediaType = kSafetensors}, true));
        return {};
    }

    Json lineageJson() {
        return {{"method", "maskllm"},          {"pattern", settings()["pattern"]},
                {"prior", settings()["prior"]}, {"texts", settings()["texts"]},
                {"dense", denseScores()},       {"held_out", lastScores()}};
    }

    Result<void> keepReport() {
        Json layers = Json::array();
        for (const MaskDiagnosis& one : objective_->masks().diagnose(objective_->options().schedule.kappaEnd))
            layers.push_back({{"layer", one.layer.empty() ? "all" : one.layer},
                              {"changed_from_the_beginning", one.fromStart},
                              {"largest_probability", one.largestProbability},
                              {"entropy", one.entropy},
                              {"patterns", one.patterns}});
        const Json report{{"dense", denseScores()}, {"held_out", lastScores()}, {"layers", layers}};
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run_.putArtifact("masks.json", report.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        if (!lastScores().empty())
            run_.log(fmt::format("learnt masks: {:.4f} nats per token on held-out text, dense {:.4f}",
                                 meanLoss(lastScores()), meanLoss(denseScores())));
        return {};
    }

    std::shared_ptr<MaskObjective> objective_;
};

}  // namespace

JobKind learnMasksKind() {
    JobKind kind;
    kind.name = "learn-masks";
    kind.summary = "Learn 2:4 masks of a language model end to end, with frozen weights";
    kind.settingsSchema = learnMasksSchema();
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        return LearnMasksJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
