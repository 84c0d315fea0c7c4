#include "core/engine/distillation_run.h"

#include "core/base/hash.h"
#include "core/engine/compressed_model.h"
#include "core/engine/held_out_copying.h"
#include "core/engine/language_store.h"
#include "core/engine/model_store.h"
#include "core/engine/train_language_schema.h"
#include "core/engine/training_texts.h"
#include "core/language/calibration_windows.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLongest = 2048;

}  // namespace

Result<DistillationRun> DistillationRun::open(RunContext& run) {
    DistillationRun opened(run);
    const Json& settings = run.settings();
    run.job().beginStage("loading the model", 1);
    VITRINE_TRY(auto language, openLanguage(settings["model"].get<std::string>(), settings["tokenizer"],
                                            run.recipe().value("device", "cpu"), settings["dtype"]));
    opened.teacher_ = std::move(language.model);
    opened.identity_ = language.identity;
    opened.tokenizerPath_ = language.tokenizerPath;
    const int64_t context = opened.teacher_->config().contextLength, wanted = settings["length"];
    if (wanted == 1 || wanted > context)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected windows of 2 to {} tokens, found {}", context, wanted),
                    "settings/length");
    opened.length_ = wanted > 0 ? wanted : std::min(context, kLongest);
    VITRINE_TRY_VOID(run.usedInput("model", opened.identity_, settings["model"].get<std::string>()));
    VITRINE_TRY(opened.scratch_, run.checkpointFolder());
    VITRINE_TRY_VOID(opened.openTexts());
    VITRINE_TRY_VOID(opened.drawWindows());
    run.job().advance();
    return opened;
}

Result<void> DistillationRun::openTexts() {
    Json settings = run_->settings();
    settings["tokenizer"] = tokenizerPath_.string();
    VITRINE_TRY(TrainingTexts opened, openTrainingTexts(settings, scratch_ / "tokenizer", run_->job()));
    texts_ = std::move(opened.texts);
    for (const LanguageTrainingText& text : texts_) {
        VITRINE_TRY_VOID(checkVocabulary(*teacher_, text.tokens->info().vocabulary, tokenizerPath_.string()));
        if (text.training.count < length_ + 1 || text.heldOut.count < 2)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the text has {} tokens to learn from and {} held out; windows take {}",
                                    text.training.count, text.heldOut.count, length_ + 1),
                        "text " + text.name, "Give a longer text, or shorten the window");
        VITRINE_TRY_VOID(run_->usedInput("data", text.tokens->info().corpusHash, text.name));
        run_->log(fmt::format("text {}: {} tokens, {} of them held out", text.name,
                              text.tokens->info().tokens, text.heldOut.count));
    }
    return {};
}

Json DistillationRun::ground() const {
    return {{"model", identity_}, {"calibration", calibrationHash_}};
}

Result<void> DistillationRun::checkGround(const Json& state) const {
    const Json now = ground();
    for (const auto& [key, value] : now.items())
        if (state.value(key, "") != value)
            return fail(ErrorCode::InvalidArgument,
                        "model or texts are others than when this run was stopped", "settings",
                        "Start a new run");
    return {};
}

Result<void> DistillationRun::drawWindows() {
    const int64_t count = run_->settings()["calibration_windows"];
    calibration_ = calibrationWindows(texts_, count, length_, run_->settings()["batch"], run_->seed(),
                                      teacher_->decoder().device());
    Sha256 hash;
    for (const at::Tensor& batch : calibration_) {
        const at::Tensor ids = batch.cpu();
        hash.update(std::as_bytes(std::span(ids.const_data_ptr<int64_t>(), size_t(ids.numel()))));
    }
    calibrationHash_ = hash.hexDigest();
    return run_->usedInput("data", calibrationHash_, fmt::format("{} windows of {} tokens", count, length_));
}

Result<HeldOutScore> DistillationRun::evaluate(const LanguageModel& model) const {
    JobContext quiet(run_->job().stopToken(), {});
    HeldOutScore score;
    for (const LanguageTrainingText& text : texts_) {
        VITRINE_TRY(const PerplexityScore one,
                    measurePerplexity(model, *text.tokens,
                                      {.length = std::max<int64_t>(2, length_),
                                       .batch = run_->settings()["batch"],
                                       .limit = run_->settings()["evaluation_windows"]},
                                      quiet, text.heldOut));
        score.nats += one.natsPerToken() / double(texts_.size());
        score.texts[text.name] = one.toJson();
        score.texts[text.name].erase("seconds");
        VITRINE_TRY(Json copying, copyingOf(model, text, *run_));
        if (!copying.empty())
            score.texts[text.name]["copying"] = std::move(copying);
    }
    return score;
}

Result<DistillationOptions> DistillationRun::distillationOptions() const {
    const Json& settings = run_->settings();
    DistillationOptions options;
    VITRINE_TRY(options.logits, logitLossFromName(settings["loss"]));
    options.temperature = settings["temperature"];
    options.topK = settings["top_k"];
    options.crossEntropy = settings["cross_entropy"];
    return options;
}

Result<LanguageTrainingOptions> DistillationRun::trainingOptions(int64_t steps) const {
    const Json& settings = run_->settings();
    LanguageTrainingOptions options;
    options.seed = run_->seed();
    options.device = teacher_->decoder().device();
    options.computeType = teacher_->decoder().type() == at::kFloat ? at::kFloat : at::kBFloat16;
    // A window predicts one token less where the context is full.
    options.length = std::min(length_, teacher_->config().contextLength - 1);
    readTrainingSettings(settings, options);
    options.steps = steps;
    options.warmup = std::min(options.warmup, steps / 2);
    options.finalRate = std::min(options.finalRate, options.learningRate);
    return options;
}

Result<std::unique_ptr<LanguageModel>> DistillationRun::distil(
    const std::string& name, std::unique_ptr<LanguageModel> student, int64_t steps,
    const std::optional<DistillationOptions>& options, const at::Tensor& projection, const State& state) {
    if (steps == 0)
        return student;
    VITRINE_TRY(const LanguageTrainingOptions training, trainingOptions(steps));
    std::shared_ptr<LanguageObjective> objective;
    if (options) {
        VITRINE_TRY(objective, distillationObjective(teacher_, student->config(), *options, projection));
    }
    VITRINE_TRY(auto trainer,
                LanguageTrainer::continueWith(training, texts_, std::move(student), std::move(objective)));
    const fs::path file = scratch_ / (plainFileName(name) + ".checkpoint.safetensors");
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        VITRINE_TRY_VOID(trainer->restore(file));
        run_->log(fmt::format("{}: going on from step {}", name, trainer->step()));
    }
    const int64_t every = run_->settings()["checkpoint_every"];
    run_->job().beginStage("distilling " + name, steps);
    run_->job().advance(trainer->step());
    while (trainer->step() < steps) {
        VITRINE_TRY_VOID(run_->pausePoint());
        VITRINE_TRY(const LanguageStepReport report, trainer->train());
        run_->metric("distillation loss/" + name, report.step, report.loss);
        run_->metric("learning rate/" + name, report.step, report.learningRate);
        if (report.parts.size() > 1)
            for (const auto& [part, value] : report.parts)
                run_->metric(fmt::format("distillation loss, {}/{}", part, name), report.step, value);
        if (report.step % every == 0 && report.step < steps) {
            VITRINE_TRY_VOID(trainer->save(file));
            VITRINE_TRY_VOID(run_->saveState(state()));
        }
        run_->job().advance();
    }
    fs::remove(file, ignored);
    return trainer->takeModel();
}

Result<fs::path> DistillationRun::exportModel(const LanguageModel& model, const std::string& name,
                                              const Json& lineage) const {
    const std::string wanted = run_->settings()["output"], file = plainFileName(name);
    const fs::path folder =
        (wanted.empty() ? run_->project().runFolder(run_->run().id) : fs::path(wanted)) / file;
    SaveLanguageModelOptions options;
    VITRINE_TRY(options.type, dtypeFromTorchName(run_->settings()["output_dtype"]));
    options.tokenizerFrom = fs::is_directory(tokenizerPath_) ? tokenizerPath_ : tokenizerPath_.parent_path();
    options.lineage = lineage;
    if (const Json& own = teacher_->config().others; own.is_object() && own.contains("vitrine"))
        options.lineage["teacher"] = own["vitrine"];
    const DecoderConfig& config = model.config();
    if (config.uniform() && !config.layers.empty() &&
        config.width % config.layers.front().attention.queryHeads != 0)
        run_->log(
            fmt::format("{}: transformers refuses a width ({}) that is no multiple of the query heads ({})",
                        name, config.width, config.layers.front().attention.queryHeads));
    VITRINE_TRY_VOID(saveLanguageModel(model, folder, options));
    for (const char* part : {"config.json", "model.safetensors"})
        if (std::error_code ignored; fs::exists(folder / part, ignored)) {
            VITRINE_TRY([[maybe_unused]] const auto stored,
                        run_->putArtifactFile(fmt::format("{}/{}", file, part), folder / part,
                                              {.kind = "model", .mediaType = {}, .provenance = lineage}));
        }
    run_->log("model folder: " + folder.string());
    return folder;
}

}  // namespace vitrine
