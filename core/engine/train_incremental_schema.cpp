#include "core/engine/train_incremental_schema.h"

#include "core/engine/classifier_settings.h"
#include "core/engine/settings_group.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kChunks = R"json({
  "chunks": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 8, "title": "Chunks", "description": "The pictures are dealt out, with as many of each class in each chunk."},
  "held_out": {"type": "number", "minimum": 0, "maximum": 0.5, "default": 0.2, "title": "Held out", "description": "Part of each chunk that is not learnt: what is forgotten shows on it."},
  "start": {"type": "string", "enum": ["warm", "cold", "cold_all", "shrink_perturb"], "default": "warm", "title": "Each chunk starts from", "description": "warm: what the chunk before left; cold: anew; cold_all: anew, on all chunks so far; shrink_perturb: 0.6 of the weights and 0.3 of fresh ones."},
  "replayed": {"type": "integer", "minimum": 0, "default": 0, "title": "Replayed", "unit": "pictures", "description": "Of each class, kept of every earlier chunk."},
  "begin_with": {"type": "string", "default": "", "format": "folder", "title": "Network to begin with", "description": "Folder of a run of train-sparse or train-incremental with the same network; weights that are zero stay zero. Empty: fresh weights."}})json";

constexpr const char* kTerms = R"json({
  "features": {"type": "string", "enum": ["none", "direction", "consolidate", "both", "subspace"], "default": "direction", "title": "Term on features", "description": "direction: keeps the direction of pooled features; consolidate: few channels carry; subspace: direction where the last layer looks."},
  "feature_weight": {"type": "number", "minimum": 0, "default": 1, "title": "Its weight"},
  "feature_fades": {"type": "boolean", "default": false, "title": "It fades", "description": "Linearly to 0 over the chunk."},
  "distillation": {"type": "string", "enum": ["none", "constant", "trust", "trust_hard", "relative", "entropy"], "default": "trust", "title": "Distillation", "description": "trust: a picture weighs what the old network gives its true class; constant: all alike."},
  "distillation_weight": {"type": "number", "minimum": 0, "default": 1, "title": "Its weight"},
  "temperature": {"type": "number", "exclusiveMinimum": 0, "default": 2, "title": "Temperature"},
  "pull_back": {"type": "number", "minimum": 0, "default": 0, "title": "Pull back (L2-SP)", "description": "Weight of the squared distance from the old weights."}})json";

constexpr const char* kRates = R"json({
  "epochs": {"type": "integer", "minimum": 1, "default": 20, "title": "Epochs of a chunk"},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.05, "title": "Learning rate", "description": "At its highest, again in every chunk; a cosine to 0."},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 10, "title": "Warm-up", "unit": "steps"}})json";

constexpr const char* kRecords = R"json({
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 100, "live": true, "title": "Checkpoint every", "unit": "steps", "description": "What a killed run goes on from."},
  "output": {"type": "string", "default": "", "format": "folder", "title": "Folder for the model", "description": "Empty: the run's own folder."}})json";
// clang-format on

}  // namespace

Json trainIncrementalSettingsSchema() {
    Json properties = Json::object();
    addSettingsGroup(properties, kChunks, "Chunks");
    addSettingsGroup(properties, kTerms, "What is kept");
    addClassifierSettings(properties);
    addSettingsGroup(properties, kRates, "Training");
    addSettingsGroup(properties, kRecords, "Records");
    return {{"type", "object"}, {"properties", std::move(properties)}};
}

Result<IncrementalOptions> incrementalOptionsFrom(const Json& settings, int64_t classes, uint64_t seed) {
    IncrementalOptions options;
    VITRINE_TRY(options.network, classifierShapeFrom(settings, classes));
    VITRINE_TRY(options.start, chunkStartFromName(settings["start"]));
    VITRINE_TRY(options.features, featureTermFromName(settings["features"]));
    VITRINE_TRY(options.distillation, distillationTermFromName(settings["distillation"]));
    VITRINE_TRY(options.optimizer, classifierOptimizerFrom(settings));
    options.featureWeight = settings["feature_weight"];
    options.featureFades = settings["feature_fades"];
    options.distillationWeight = settings["distillation_weight"];
    options.temperature = settings["temperature"];
    options.pullBack = settings["pull_back"];
    options.replayed = settings["replayed"];
    options.epochs = settings["epochs"];
    options.learningRate = settings["learning_rate"];
    options.warmup = settings["warmup_steps"];
    options.batch = classifierBatchFrom(settings);
    options.seed = seed;
    VITRINE_TRY_VOID(options.validate());
    return options;
}

}  // namespace vitrine
