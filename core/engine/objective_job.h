// What the jobs that train something on top of a language model there is have in common (learnt masks,
// elastic models): model and texts, the loop with pause, checkpoints, live settings, curves and held-out
// scores. A job says what is trained and what is looked at.
#pragma once

#include "core/engine/language_store.h"
#include "core/engine/training_run.h"
#include "core/language/language_trainer.h"
#include "core/runs/process_usage.h"

#include <optional>

namespace vitrine {

class ObjectiveJob {
  public:
    explicit ObjectiveJob(RunContext& run) : run_(run) {}
    virtual ~ObjectiveJob() = default;
    Result<void> execute();

  protected:
    struct Prepared {
        std::unique_ptr<LanguageModel> model;  // that the trainer takes
        std::shared_ptr<LanguageObjective> objective;
    };
    // Makes model and objective from dense(), which stays as it is.
    virtual Result<Prepared> prepare() = 0;
    // What other rates than the settings' a training has.
    virtual void adjust(LanguageTrainingOptions& /*options*/) const {}
    // After the checkpoint was restored, and at each change of the settings.
    virtual Result<void> settingsChanged() { return {}; }
    // Brings the model into the state that is measured and exported.
    virtual Result<void> settle() { return {}; }
    // After a step (and before the first one, step 0).
    virtual Result<void> observe(int64_t step) = 0;
    // At the end, and when asked for.
    virtual Result<void> exportResults() = 0;

    const LanguageModel& dense() const { return *dense_; }
    LanguageTrainer& trainer() { return *trainer_; }
    const Json& settings() const { return settings_; }
    // ids (B, length) of random windows of the training parts, from each text in turn.
    std::vector<at::Tensor> calibration(int64_t windows) const;
    // Held-out scores by text, of any model that reads the texts.
    Result<Json> scores(const LanguageModel& model);
    const Json& denseScores() const { return denseScores_; }
    const Json& lastScores() const { return scores_; }
    // Nats per token, mean over the texts of what scores() gave.
    static double meanLoss(const Json& scores);
    std::filesystem::path scratch() const { return checkpoints_->folder(); }
    std::filesystem::path outputFolder() const;
    const std::filesystem::path& tokenizerPath() const { return tokenizerPath_; }
    SaveLanguageModelOptions saveOptions(Json lineage) const;
    // Files of a saved folder become artifacts "NAME/FILE".
    Result<void> keepModelFiles(const std::string& name, const std::filesystem::path& folder,
                                const Json& lineage);

    RunContext& run_;

  private:
    Result<void> open();
    Result<LanguageTrainingOptions> trainingOptions(const Json& settings) const;
    Result<void> train();
    Result<void> pausePoint();
    Result<void> measure();
    Result<void> keepCheckpoint();
    void record(const LanguageStepReport& report);

    Json settings_;
    std::unique_ptr<LanguageModel> dense_;
    std::string identity_;
    std::filesystem::path tokenizerPath_;
    std::vector<LanguageTrainingText> texts_;
    std::unique_ptr<LanguageTrainer> trainer_;
    std::optional<TrainingCheckpoints> checkpoints_;
    UsageMeter usage_;
    Json denseScores_ = Json::object(), scores_ = Json::object();
};

// The settings that all of them have, from those of "train-language-model"; `steps` and rates as defaults.
void addObjectiveSettings(Json& properties, int64_t steps, double learningRate, double finalRate);

}  // namespace vitrine
