#include "core/engine/train_language_kind.h"

#include "core/base/freed_memory.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/model_store.h"
#include "core/engine/train_language_schema.h"
#include "core/engine/training_run.h"
#include "core/engine/training_texts.h"
#include "core/models/language/generation.h"
#include "core/runs/process_usage.h"
#include "core/runs/run_context.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kUsageSeconds = 0.5;  // between two looks at memory, CPU and disk

DecoderConfig modelFrom(const Json& settings, const Tokenizer& tokenizer) {
    DecoderConfig config;
    config.modelType = settings["model_type"];
    config.vocabulary = tokenizer.vocabularySize();
    config.width = settings["width"];
    config.contextLength = settings["context"];
    config.epsilon = 1e-5;
    config.tiedEmbeddings = settings["tied"];
    config.rope.base = settings["rope_base"];
    config.bos = tokenizer.specialTokens().bos;
    if (const auto eos = tokenizer.specialTokens().eos)
        config.eos = {*eos};
    LayerSettings layer;
    layer.attention.queryHeads = settings["heads"];
    layer.attention.keyValueHeads = settings["key_value_heads"];
    layer.attention.headWidth = settings["head_width"];
    layer.attention.queryKeyValueBias = config.modelType == "qwen2";
    layer.attention.queryKeyNorm = config.modelType == "qwen3";
    layer.feedForward.intermediate = settings["intermediate"];
    config.layers.assign(size_t(settings["depth"].get<int64_t>()), layer);
    return config;
}

class TrainLanguageJob {
  public:
    explicit TrainLanguageJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(world_, joinOtherProcesses(run_));
        settings_ = run_.settings();
        VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
        tokenizerFolder_ = checkpoints_->folder() / "tokenizer";
        VITRINE_TRY_VOID(openTexts());
        VITRINE_TRY(const LanguageTrainingOptions options, optionsOf(settings_));
        VITRINE_TRY(trainer_, LanguageTrainer::create(options, texts_));
        run_.log(fmt::format("{} parameters, {} tokens of vocabulary", options.model.parameterCount(),
                             options.model.vocabulary));
        if (const auto last = checkpoints_->last(); last && isFirst()) {
            VITRINE_TRY_VOID(trainer_->restore(*last));
            run_.log(fmt::format("going on from step {}", trainer_->step()));
        }
        if (world_)
            VITRINE_TRY_VOID(trainer_->join(*world_));
        offerActions();
        VITRINE_TRY_VOID(train());
        return isFirst() ? exportModel() : Result<void>();
    }

  private:
    // Whether this process keeps checkpoints, measures and writes the model.
    bool isFirst() const { return !world_ || world_->isFirst(); }

    // The first process learns the tokenizer and cuts the texts; the others find both made.
    Result<void> openTexts() {
        std::string problem;
        if (isFirst())
            if (auto opened = openTextsHere(); !opened) {
                if (!world_)
                    return opened;
                problem = opened.error().text();
            }
        if (!world_)
            return {};
        VITRINE_TRY_VOID(world_->share(problem));
        if (!problem.empty())
            return fail(ErrorCode::InvalidArgument, problem, "the first process");
        std::string folder = tokenizerFolder_.string();
        VITRINE_TRY_VOID(world_->share(folder));
        tokenizerFolder_ = folder;
        return isFirst() ? Result<void>() : openTextsHere();
    }

    Result<void> openTextsHere() {
        VITRINE_TRY(TrainingTexts opened, openTrainingTexts(settings_, tokenizerFolder_, run_.job()));
        tokenizer_ = std::move(opened.tokenizer);
        tokenizerPath_ = std::move(opened.tokenizerPath);
        texts_ = std::move(opened.texts);
        for (const LanguageTrainingText& text : texts_) {
            const TokenFileInfo& info = text.tokens->info();
            VITRINE_TRY_VOID(run_.usedInput("data", info.corpusHash, text.name));
            run_.log(fmt::format("text {}: {} documents, {} bytes, {} tokens, {} of them held out", text.name,
                                 info.documents, info.bytes, info.tokens, text.heldOut.count));
        }
        return {};
    }

    Result<LanguageTrainingOptions> optionsOf(const Json& settings) const {
        LanguageTrainingOptions options;
        options.model = modelFrom(settings, *tokenizer_);
        options.seed = run_.seed();
        VITRINE_TRY(options.device, deviceFromName(run_.recipe().value("device", "cpu")));
        VITRINE_TRY(options.computeType, dtypeFromTorchName(settings["dtype"]));
        options.length = settings["length"];
        options.steps = settings["steps"];
        readTrainingSettings(settings, options);
        VITRINE_TRY_VOID(options.validate());
        return options;
    }

    void offerActions() {
        if (!isFirst())
            return;
        run_.onAction("checkpoint", [this] { return keepCheckpoint(); });
        run_.onAction("probe", [this] { return measure(); });
        run_.onAction("export", [this] { return exportModel(); });
        run_.checkChanges([this](const Json& settings) -> Result<void> {
            VITRINE_TRY([[maybe_unused]] const LanguageTrainingOptions options, optionsOf(settings));
            return {};
        });
    }

    Result<void> train() {
        int64_t steps = settings_["steps"];
        run_.job().beginStage("training", steps);
        run_.job().advance(trainer_->step());
        while (trainer_->step() < steps) {
            VITRINE_TRY_VOID(pausePoint());
            if (settings_["steps"] != steps) {
                steps = settings_["steps"];
                run_.job().beginStage("training", steps);
                run_.job().advance(trainer_->step());
                continue;
            }
            VITRINE_TRY(const LanguageStepReport report, step());
            record(report);
            if (isDue("evaluate_every", report.step))
                VITRINE_TRY_VOID(measure());
            if (isDue("checkpoint_every", report.step))
                VITRINE_TRY_VOID(keepCheckpoint());
            run_.job().advance();
        }
        if (!isFirst())
            return {};
        if (!isDue("evaluate_every", trainer_->step()))
            VITRINE_TRY_VOID(measure());
        return isDue("checkpoint_every", trainer_->step()) ? Result<void>() : keepCheckpoint();
    }

    Result<LanguageStepReport> step() {
        try {
            auto trained = trainer_->train();
            // Another process was lost: the weights are those of the last good step.
            if (!trained && isFirst() && world_ && trained.error().code == ErrorCode::IoFailure)
                VITRINE_TRY_VOID(keepCheckpoint());
            return trained;
        } catch (...) {
            return fail(errorFromCurrentException(fmt::format("step {}", trainer_->step() + 1)));
        }
    }

    Result<void> pausePoint() {
        VITRINE_TRY(const Json wanted, settingsToGoOnWith(run_, world_.get(), settings_));
        if (wanted == settings_)
            return {};
        settings_ = wanted;
        VITRINE_TRY(const LanguageTrainingOptions changed, optionsOf(settings_));
        return trainer_->change(changed);
    }

    bool isDue(const char* setting, int64_t step) const {
        return isFirst() && vitrine::isDue(settings_, setting, step);
    }

    void record(const LanguageStepReport& report) {
        run_.metric("loss", report.step, report.loss);
        run_.metric("gradient norm", report.step, report.gradientNorm);
        run_.metric("learning rate", report.step, report.learningRate);
        const double seconds =
            report.loadSeconds + report.computeSeconds + report.optimizerSeconds + report.exchangeSeconds;
        run_.metric("time/tokens per second", report.step, double(report.tokens) / std::max(seconds, 1e-9));
        run_.metric("time/step (s)", report.step, seconds);
        if (world_)
            run_.metric("time/exchange share", report.step, report.exchangeSeconds / std::max(seconds, 1e-9));
        for (const auto& [name, value] : usage_.look(kUsageSeconds))
            run_.metric(name, report.step, value);
    }

    // Held-out parts and a sample of its writing.
    Result<void> measure() {
        const int64_t step = trainer_->step();
        JobContext quiet(run_.job().stopToken(), {});  // the stage is the training still
        scores_ = Json::object();
        for (const LanguageTrainingText& text : trainer_->texts()) {
            if (text.heldOut.count < 2)
                continue;
            VITRINE_TRY(const PerplexityScore score,
                        trainer_->heldOut(text, settings_["evaluation_windows"], quiet));
            run_.metric("held out/" + text.name + "/nats per token", step, score.natsPerToken());
            run_.metric("held out/" + text.name + "/bits per byte", step, score.bitsPerByte());
            scores_[text.name] = score.toJson();
            scores_[text.name].erase("seconds");
        }
        return keepSample(step, quiet);
    }

    Result<void> keepSample(int64_t step, JobContext& job) {
        const auto bos = trainer_->model().config().bos;
        const int64_t tokens = settings_["sample_tokens"];
        if (tokens == 0 || !bos)
            return {};
        GenerationOptions options;
        options.maxNewTokens = tokens;
        options.stopAtEnd = false;
        options.sampling = {.greedy = false, .temperature = 0.8, .topP = 0.95, .seed = run_.seed()};
        VITRINE_TRY(const Generation sample, generate(trainer_->model(), {*bos}, options, job));
        VITRINE_TRY(const std::string text, tokenizer_->decode(sample.ids, {.skipSpecialTokens = true}));
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run_.putArtifact(fmt::format("samples/step-{:07}.txt", step), text + "\n",
                                     {.kind = "text", .step = step, .mediaType = "text/plain"}));
        return {};
    }

    // The new file is whole before the state names it, and the old one is removed after.
    Result<void> keepCheckpoint() {
        return checkpoints_->keep(trainer_->step(),
                                  [this](const fs::path& file) { return trainer_->save(file); });
    }

    Result<void> exportModel() {
        const std::string wanted = settings_["output"];
        const fs::path folder =
            wanted.empty() ? run_.project().runFolder(run_.run().id) / "model" : fs::path(wanted);
        SaveLanguageModelOptions options;
        options.type = settings_["output_dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
        options.tokenizerFrom =
            fs::is_directory(tokenizerPath_) ? tokenizerPath_ : tokenizerPath_.parent_path();
        Json texts = Json::array();
        for (const LanguageTrainingText& text : trainer_->texts())
            texts.push_back({{"name", text.name}, {"sha256", text.tokens->info().corpusHash}});
        options.lineage = {{"trained_on", std::move(texts)},
                           {"steps", trainer_->step()},
                           {"seed", run_.seed()},
                           {"held_out", scores_}};
        VITRINE_TRY_VOID(saveLanguageModel(trainer_->model(), folder, options));
        for (const char* name : {"config.json", "generation_config.json", "model.safetensors",
                                 "tokenizer.json", "tokenizer_config.json"})
            if (std::error_code ignored; fs::exists(folder / name, ignored)) {
                VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                            run_.putArtifactFile(fmt::format("model/{}", name), folder / name,
                                                 {.kind = "model", .mediaType = {}}));
            }
        run_.log("model: " + folder.string());
        return {};
    }

    RunContext& run_;
    Json settings_;                 // in force
    std::unique_ptr<World> world_;  // the processes that share the work; none: this one alone
    std::optional<Tokenizer> tokenizer_;
    fs::path tokenizerFolder_;  // where a tokenizer is learnt
    fs::path tokenizerPath_;    // the one in use
    std::vector<LanguageTrainingText> texts_;
    std::unique_ptr<LanguageTrainer> trainer_;
    Json scores_ = Json::object();
    UsageMeter usage_;
    std::optional<TrainingCheckpoints> checkpoints_;
};

}  // namespace

JobKind trainLanguageModelKind() {
    JobKind kind;
    kind.name = "train-language-model";
    kind.summary = "Train a language model from scratch on texts";
    kind.settingsSchema = trainLanguageSettingsSchema();
    kind.severalProcesses = true;
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        loadEnginePlugins();
        return TrainLanguageJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
