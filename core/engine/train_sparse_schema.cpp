#include "core/engine/train_sparse_schema.h"

#include "core/engine/classifier_settings.h"
#include "core/engine/settings_group.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kStructure = R"json({
  "method": {"type": "string", "enum": ["iee", "rigl", "set", "gradual", "magnitude", "static", "dense"], "default": "iee", "title": "Method", "description": "iee: candidates are trained before they are judged; rigl: enter by gradient; set: at random; gradual, magnitude: dense at first; static: a random structure."},
  "units": {"type": "string", "enum": ["weights", "channels"], "default": "weights", "title": "What is exchanged", "description": "Single weights, or inner channels, which are cut out of the result."},
  "saliency": {"type": "string", "enum": ["magnitude", "taylor"], "default": "magnitude", "title": "Saliency", "description": "Of IEE: |w|, or (w · gradient)² over the batches of a stage."},
  "density": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.1, "title": "Density", "description": "Part of the weights or channels in use."},
  "layout": {"type": "string", "enum": ["erk", "uniform"], "default": "erk", "title": "Densities of layers", "description": "erk: small layers stay denser; uniform: all alike but a dense first one."},
  "importance_steps": {"type": "integer", "minimum": 1, "default": 50, "title": "Importance", "unit": "steps", "description": "H: what is in use learns and is scored."},
  "accuracy_steps": {"type": "integer", "minimum": 0, "default": 50, "title": "Accuracy", "unit": "steps", "description": "J: what stayed learns on."},
  "exploration_steps": {"type": "integer", "minimum": 1, "default": 50, "title": "Exploration", "unit": "steps", "description": "Q: all the others learn, what is in use stands still."},
  "exchanged": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.3, "live": true, "title": "Exchanged", "description": "Part of what is in use, at the first exchange."},
  "decay": {"type": "string", "enum": ["cosine", "exponential"], "default": "cosine", "title": "Decay of the exchanges"},
  "stop_at": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.75, "live": true, "title": "Structure stays from", "description": "Part of the training."},
  "reactivate": {"type": "boolean", "default": true, "title": "Reactivate", "description": "Off: nothing is tried before it is judged (the control)."},
  "freeze": {"type": "boolean", "default": true, "title": "Freeze while exploring", "description": "What is in use stands still."},
  "explore_from": {"type": "string", "enum": ["after_exploration", "before_pruning", "zero"], "default": "after_exploration", "title": "Value on trial", "description": "What is out begins an exploration with what the exploration before left, with the value of its last use, or at 0."},
  "coming_back": {"type": "string", "enum": ["after_exploration", "before_pruning", "zero"], "default": "after_exploration", "title": "Value on coming back"},
  "never_used": {"type": "string", "enum": ["zero", "start"], "default": "zero", "title": "Value of what was never used", "description": "Weights that were never in use begin at 0, or with their random start; channels always with that."}})json";

constexpr const char* kLatency = R"json({
  "budget": {"type": "string", "enum": ["density", "latency"], "default": "density", "title": "Budget", "description": "density: each layer keeps its part; latency: channels in groups, chosen over all layers so that the cut network keeps to a time (HALP)."},
  "latency": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.5, "title": "Latency", "description": "Part of the dense network's time, as the table predicts it."},
  "group": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 8, "title": "Group", "unit": "channels", "description": "That come and go together: the step in which the hardware becomes faster."},
  "latency_batch": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 64, "title": "Batch of the times", "unit": "pictures", "description": "That layers and networks are timed with."},
  "latency_table": {"type": "string", "default": "", "format": "file", "title": "Latency table", "description": "latency_table.json of another run; empty: this machine is measured before the training."}})json";

constexpr const char* kRates = R"json({
  "steps": {"type": "integer", "minimum": 1, "default": 3000, "live": true, "title": "Steps"},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.1, "live": true, "title": "Learning rate", "description": "At its highest; a cosine to 0."},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 30, "live": true, "title": "Warm-up", "unit": "steps"}})json";

constexpr const char* kRecords = R"json({
  "evaluate_every": {"type": "integer", "minimum": 0, "default": 250, "live": true, "title": "Measure every", "unit": "steps", "description": "On the test pictures; 0: at the end only."},
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 250, "live": true, "title": "Checkpoint every", "unit": "steps", "description": "What a killed run goes on from."},
  "output": {"type": "string", "default": "", "format": "folder", "title": "Folder for the model", "description": "Empty: the run's own folder."}})json";
// clang-format on

ComingBack comingBackFrom(const Json& setting) {
    return setting == "zero"             ? ComingBack::Zero
           : setting == "before_pruning" ? ComingBack::BeforePruning
                                         : ComingBack::AfterExploration;
}

}  // namespace

Json trainSparseSettingsSchema() {
    Json properties = Json::object();
    addSettingsGroup(properties, kStructure, "Structure");
    addSettingsGroup(properties, kLatency, "Latency");
    addClassifierSettings(properties);
    addSettingsGroup(properties, kRates, "Training");
    addSettingsGroup(properties, kRecords, "Records");
    return {{"type", "object"}, {"properties", std::move(properties)}};
}

Result<SparseTrainingOptions> sparseOptionsFrom(const Json& settings, int64_t classes, uint64_t seed) {
    SparseTrainingOptions options;
    VITRINE_TRY(options.network, classifierShapeFrom(settings, classes));
    VITRINE_TRY(options.method, sparseMethodFromName(settings["method"]));
    VITRINE_TRY(options.layout, densityLayoutFromName(settings["layout"]));
    VITRINE_TRY(options.optimizer, classifierOptimizerFrom(settings));
    options.units = settings["units"] == "channels" ? UnitKind::Channels : UnitKind::Weights;
    options.saliency = settings["saliency"] == "taylor" ? Saliency::Taylor : Saliency::Magnitude;
    options.density = settings["density"];
    if (settings["budget"] == "latency")
        options.latency = LatencyOptions{settings["latency"], settings["group"], {}};
    options.importanceSteps = settings["importance_steps"];
    options.accuracySteps = settings["accuracy_steps"];
    options.explorationSteps = settings["exploration_steps"];
    options.exchanged = settings["exchanged"];
    options.exponentialDecay = settings["decay"] == "exponential";
    options.stopAt = settings["stop_at"];
    options.reactivate = settings["reactivate"];
    options.freezeInExploration = settings["freeze"];
    options.exploreFrom = comingBackFrom(settings["explore_from"]);
    options.comingBack = comingBackFrom(settings["coming_back"]);
    options.unusedStartAtZero = settings["never_used"] == "zero";
    options.steps = settings["steps"];
    options.learningRate = settings["learning_rate"];
    options.warmup = settings["warmup_steps"];
    options.batch = classifierBatchFrom(settings);
    options.seed = seed;
    VITRINE_TRY_VOID(options.validate());
    return options;
}

}  // namespace vitrine
