// What the jobs that make students of a language model have in common: the teacher with its texts, windows to
// calibrate on, scores on held-out parts, and distillation that a killed run goes on with.
#pragma once

#include "core/engine/training_run.h"
#include "core/language/language_distiller.h"

#include <optional>

namespace vitrine {

struct HeldOutScore {
    double nats = 0;              // per token, mean over the texts
    Json texts = Json::object();  // name -> PerplexityScore
};

class DistillationRun {
  public:
    // Loads the model and opens the texts that the run's settings name (addLanguageTextSettings,
    // addDistillationSettings), and records them as its inputs.
    static Result<DistillationRun> open(RunContext& run);

    const std::shared_ptr<LanguageModel>& teacher() const { return teacher_; }
    const std::string& identity() const { return identity_; }
    const std::filesystem::path& tokenizerPath() const { return tokenizerPath_; }
    const std::vector<LanguageTrainingText>& texts() const { return texts_; }
    int64_t length() const { return length_; }
    const std::string& calibrationHash() const { return calibrationHash_; }
    // ids (B, length) of the settings' calibration windows, from the training parts.
    const std::vector<at::Tensor>& calibration() const { return calibration_; }

    Result<HeldOutScore> evaluate(const LanguageModel& model) const;

    // Job state that is kept with each checkpoint.
    using State = std::function<Json()>;
    // Distils `student` for `steps` (or lets it learn the next token where `options` is absent), with curves
    // under `name`. A checkpoint that was written for `name` is gone on from.
    Result<std::unique_ptr<LanguageModel>> distil(const std::string& name,
                                                  std::unique_ptr<LanguageModel> student, int64_t steps,
                                                  const std::optional<DistillationOptions>& options,
                                                  const at::Tensor& projection, const State& state);
    Result<DistillationOptions> distillationOptions() const;

    // What a stopped run stood on, to be kept in its state; and the check that it still stands on it.
    Json ground() const;
    Result<void> checkGround(const Json& state) const;

    // From now on another teacher (a corrected one).
    void setTeacher(std::shared_ptr<LanguageModel> teacher) { teacher_ = std::move(teacher); }
    // Writes a Hugging Face folder `name` below the settings' output, and keeps its files as artifacts.
    Result<std::filesystem::path> exportModel(const LanguageModel& model, const std::string& name,
                                              const Json& lineage) const;
    std::filesystem::path scratch() const { return scratch_; }

  private:
    explicit DistillationRun(RunContext& run) : run_(&run) {}
    Result<void> openTexts();
    Result<void> drawWindows();
    Result<LanguageTrainingOptions> trainingOptions(int64_t steps) const;

    RunContext* run_;
    std::shared_ptr<LanguageModel> teacher_;
    std::string identity_;
    std::filesystem::path tokenizerPath_, scratch_;
    std::vector<LanguageTrainingText> texts_;
    std::vector<at::Tensor> calibration_;
    std::string calibrationHash_;
    int64_t length_ = 0;
};

}  // namespace vitrine
