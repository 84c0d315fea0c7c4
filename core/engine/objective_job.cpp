#include "core/engine/objective_job.h"

#include "core/engine/model_store.h"
#include "core/engine/settings_group.h"
#include "core/engine/train_language_schema.h"
#include "core/engine/training_texts.h"
#include "core/language/calibration_windows.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kUsageSeconds = 0.5;

// clang-format off
constexpr const char* kModel = R"json({
  "model": {"type": "string", "minLength": 1, "format": "model", "title": "Model", "description": "Folder or file of the language model."},
  "tokenizer": {"type": "string", "default": "", "title": "Tokenizer", "description": "Folder or file; empty: the model's own."}})json";
// clang-format on

}  // namespace

void addObjectiveSettings(Json& properties, int64_t steps, double learningRate, double finalRate) {
    addSettingsGroup(properties, kModel, "Model");
    const Json schema = trainLanguageSettingsSchema();
    const Json& known = schema["properties"];
    for (const char* name :
         {"texts", "field", "held_out", "steps", "length", "batch", "accumulation", "learning_rate",
          "final_rate", "warmup_steps", "weight_decay", "clip_norm", "recompute", "evaluate_every",
          "evaluation_windows", "checkpoint_every", "output", "output_dtype"})
        properties[name] = known[name];
    properties["steps"]["default"] = steps;
    properties["learning_rate"]["default"] = learningRate;
    properties["final_rate"]["default"] = finalRate;
    properties["warmup_steps"]["default"] = 0;
    properties["evaluate_every"]["default"] = 50;
    properties["checkpoint_every"]["default"] = 50;
    properties["length"]["default"] = 128;
    properties["batch"]["default"] = 8;
}

Result<void> ObjectiveJob::execute() {
    settings_ = run_.settings();
    VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
    VITRINE_TRY_VOID(open());
    VITRINE_TRY(Prepared prepared, prepare());
    VITRINE_TRY(const LanguageTrainingOptions options, trainingOptions(settings_));
    VITRINE_TRY(trainer_, LanguageTrainer::continueWith(options, texts_, std::move(prepared.model),
                                                        std::move(prepared.objective)));
    if (const auto last = checkpoints_->last()) {
        VITRINE_TRY_VOID(trainer_->restore(*last));
        run_.log(fmt::format("going on from step {}", trainer_->step()));
    }
    VITRINE_TRY_VOID(settingsChanged());
    run_.onAction("checkpoint", [this] { return keepCheckpoint(); });
    run_.onAction("probe", [this] { return measure(); });
    run_.onAction("export", [this] { return exportResults(); });
    run_.checkChanges([this](const Json& settings) -> Result<void> {
        VITRINE_TRY([[maybe_unused]] const LanguageTrainingOptions changed, trainingOptions(settings));
        return {};
    });
    VITRINE_TRY_VOID(train());
    return exportResults();
}

Result<void> ObjectiveJob::open() {
    run_.job().beginStage("loading the model", 1);
    VITRINE_TRY(auto language, openLanguage(settings_["model"].get<std::string>(), settings_["tokenizer"],
                                            run_.recipe().value("device", "cpu"), "float32"));
    dense_ = std::move(language.model);
    identity_ = language.identity;
    tokenizerPath_ = language.tokenizerPath;
    VITRINE_TRY_VOID(run_.usedInput("model", identity_, settings_["model"].get<std::string>()));
    Json settings = settings_;
    settings["tokenizer"] = tokenizerPath_.string();
    VITRINE_TRY(TrainingTexts opened, openTrainingTexts(settings, {}, run_.job()));
    texts_ = std::move(opened.texts);
    for (const LanguageTrainingText& text : texts_) {
        VITRINE_TRY_VOID(checkVocabulary(*dense_, text.tokens->info().vocabulary, tokenizerPath_.string()));
        VITRINE_TRY_VOID(run_.usedInput("data", text.tokens->info().corpusHash, text.name));
        run_.log(fmt::format("text {}: {} tokens, {} of them held out", text.name, text.tokens->info().tokens,
                             text.heldOut.count));
    }
    VITRINE_TRY([[maybe_unused]] const LanguageTrainingOptions options, trainingOptions(settings_));
    VITRINE_TRY(denseScores_, scores(*dense_));
    run_.log(
        fmt::format("the model as it is: {:.4f} nats per token on held-out text", meanLoss(denseScores_)));
    run_.job().advance();
    return {};
}

Result<LanguageTrainingOptions> ObjectiveJob::trainingOptions(const Json& settings) const {
    LanguageTrainingOptions options;
    options.model = dense_->config();
    options.seed = run_.seed();
    options.device = dense_->decoder().device();
    options.length = settings["length"];
    options.steps = settings["steps"];
    readTrainingSettings(settings, options);
    adjust(options);
    VITRINE_TRY_VOID(options.validate());
    return options;
}

std::vector<at::Tensor> ObjectiveJob::calibration(int64_t windows) const {
    return calibrationWindows(texts_, windows, settings_["length"], settings_["batch"], run_.seed(),
                              dense_->decoder().device());
}

Result<void> ObjectiveJob::train() {
    int64_t steps = settings_["steps"];
    run_.job().beginStage("training", steps);
    run_.job().advance(trainer_->step());
    if (trainer_->step() == 0) {
        VITRINE_TRY_VOID(observe(0));
        VITRINE_TRY_VOID(measure());
    }
    while (trainer_->step() < steps) {
        VITRINE_TRY_VOID(pausePoint());
        if (settings_["steps"] != steps) {
            steps = settings_["steps"];
            run_.job().beginStage("training", steps);
            run_.job().advance(trainer_->step());
            continue;
        }
        VITRINE_TRY(const LanguageStepReport report, trainer_->train());
        record(report);
        VITRINE_TRY_VOID(observe(report.step));
        if (isDue(settings_, "evaluate_every", report.step))
            VITRINE_TRY_VOID(measure());
        if (isDue(settings_, "checkpoint_every", report.step))
            VITRINE_TRY_VOID(keepCheckpoint());
        run_.job().advance();
    }
    VITRINE_TRY_VOID(measure());
    return isDue(settings_, "checkpoint_every", trainer_->step()) ? Result<void>() : keepCheckpoint();
}

Result<void> ObjectiveJob::pausePoint() {
    VITRINE_TRY(const Json wanted, settingsToGoOnWith(run_, nullptr, settings_));
    if (wanted == settings_)
        return {};
    VITRINE_TRY(const LanguageTrainingOptions changed, trainingOptions(wanted));
    settings_ = wanted;
    VITRINE_TRY_VOID(trainer_->change(changed));
    return settingsChanged();
}

void ObjectiveJob::record(const LanguageStepReport& report) {
    run_.metric("loss", report.step, report.loss);
    run_.metric("gradient norm", report.step, report.gradientNorm);
    run_.metric("learning rate", report.step, report.learningRate);
    for (const auto& [name, part] : report.parts)
        run_.metric("loss parts/" + name, report.step, part);
    const double seconds = report.loadSeconds + report.computeSeconds + report.optimizerSeconds;
    run_.metric("time/tokens per second", report.step, double(report.tokens) / std::max(seconds, 1e-9));
    for (const auto& [name, value] : usage_.look(kUsageSeconds))
        run_.metric(name, report.step, value);
}

Result<Json> ObjectiveJob::scores(const LanguageModel& model) {
    JobContext quiet(run_.job().stopToken(), {});
    Json all = Json::object();
    for (const LanguageTrainingText& text : texts_) {
        if (text.heldOut.count < 2)
            continue;
        VITRINE_TRY(const PerplexityScore score,
                    measurePerplexity(model, *text.tokens,
                                      {.length = std::max<int64_t>(2, settings_["length"]),
                                       .batch = 8,
                                       .limit = settings_["evaluation_windows"]},
                                      quiet, text.heldOut));
        all[text.name] = score.toJson();
        all[text.name].erase("seconds");
        all[text.name]["nats_per_token"] = score.natsPerToken();
    }
    return all;
}

double ObjectiveJob::meanLoss(const Json& scores) {
    double sum = 0;
    for (const auto& [name, score] : scores.items())
        sum += score["nats_per_token"].get<double>();
    return sum / std::max<double>(1, double(scores.size()));
}

Result<void> ObjectiveJob::measure() {
    VITRINE_TRY_VOID(settle());
    VITRINE_TRY(scores_, scores(trainer_->model()));
    for (const auto& [name, score] : scores_.items())
        run_.metric("held out/" + name + "/nats per token", trainer_->step(),
                    score["nats_per_token"].get<double>());
    if (!scores_.empty())
        run_.metric("held out/less dense (nats per token)", trainer_->step(),
                    meanLoss(scores_) - meanLoss(denseScores_));
    return {};
}

Result<void> ObjectiveJob::keepCheckpoint() {
    return checkpoints_->keep(trainer_->step(),
                              [this](const fs::path& file) { return trainer_->save(file); });
}

fs::path ObjectiveJob::outputFolder() const {
    const std::string wanted = settings_["output"];
    return wanted.empty() ? run_.project().runFolder(run_.run().id) / "model" : fs::path(wanted);
}

SaveLanguageModelOptions ObjectiveJob::saveOptions(Json lineage) const {
    SaveLanguageModelOptions options;
    options.type = settings_["output_dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
    options.tokenizerFrom = fs::is_directory(tokenizerPath_) ? tokenizerPath_ : tokenizerPath_.parent_path();
    lineage["parent"] = identity_;
    lineage["seed"] = run_.seed();
    lineage["steps"] = trainer_->step();
    options.lineage = std::move(lineage);
    return options;
}

Result<void> ObjectiveJob::keepModelFiles(const std::string& name, const fs::path& folder,
                                          const Json& lineage) {
    for (const char* file : {"config.json", "model.safetensors"})
        if (std::error_code ignored; fs::exists(folder / file, ignored)) {
            VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                        run_.putArtifactFile(fmt::format("{}/{}", name, file), folder / file,
                                             {.kind = "model", .mediaType = {}, .provenance = lineage}));
        }
    run_.log("model folder: " + folder.string());
    return {};
}

}  // namespace vitrine
