// Training a decoder-only language model on tokenised texts, towards the next token or another objective
// (language_objective.h): AdamW with linear warm-up and cosine, clipped
// gradients, accumulation over micro-batches, recomputed activations, bfloat16 on a GPU. What is random
// depends on (seed, step) alone, so that a resumed run goes on bit by bit, and several processes draw what
// one would.
//
//   VITRINE_TRY(auto trainer, LanguageTrainer::create(options, texts));
//   while (trainer->step() < options.steps) VITRINE_TRY(const LanguageStepReport report, trainer->train());
#pragma once

#include "core/base/job_context.h"
#include "core/distill/optimizer.h"
#include "core/distributed/world.h"
#include "core/eval/language_perplexity.h"
#include "core/language/language_objective.h"
#include "core/models/language/language_model.h"
#include "core/text/token_windows.h"

#include <memory>

namespace vitrine {

struct LanguageTrainingText {
    std::string name;
    std::shared_ptr<const TokenFile> tokens;
    TokenRange training, heldOut;
    double weight = 1;  // share of the windows that are drawn from it, relative to the other texts' weights
};

struct LanguageTrainingOptions {
    DecoderConfig model;
    uint64_t seed = 0;
    at::Device device = at::kCPU;
    at::ScalarType computeType = at::kFloat;  // kBFloat16: autocast, on a GPU
    double deviation = 0.02;                  // of the weights at the start
    int64_t length = 256;                     // tokens that a window predicts
    int64_t batch = 16;                       // windows of a micro-batch, over all processes
    int64_t accumulation = 1;                 // micro-batches of a step
    int64_t steps = 1000;
    int64_t warmup = 50;
    double learningRate = 1e-3, finalRate = 1e-4;
    double weightDecay = 0.1, beta1 = 0.9, beta2 = 0.95;
    double epsilon = 1e-8;  // of AdamW
    double clipNorm = 1;  // 0: none
    bool recompute = false;

    Result<void> validate() const;
};

struct LanguageStepReport {
    int64_t step = 0;  // steps done after this one
    double loss = 0;   // nats per token
    double gradientNorm = 0, learningRate = 0;
    int64_t tokens = 0;                   // predicted in this step, by all processes
    std::map<std::string, double> parts;  // of the objective's loss, means over the micro-batches
    double loadSeconds = 0, computeSeconds = 0, optimizerSeconds = 0, exchangeSeconds = 0;
};

class LanguageTrainer {
  public:
    // InvalidArgument: no text, a text shorter than a window, a vocabulary larger than the model's.
    static Result<std::unique_ptr<LanguageTrainer>> create(const LanguageTrainingOptions& options,
                                                           std::vector<LanguageTrainingText> texts);
    // Goes on from a model that there is; `options.model` is taken from it. `objective`: null for the next
    // token.
    static Result<std::unique_ptr<LanguageTrainer>> continueWith(
        LanguageTrainingOptions options, std::vector<LanguageTrainingText> texts,
        std::unique_ptr<LanguageModel> model, std::shared_ptr<LanguageObjective> objective = nullptr);

    // From now on the windows of a micro-batch are shared by the processes of `world`, which outlives the
    // trainer; call after restore on the first process. InvalidArgument if the batch is no multiple of their
    // number.
    Result<void> join(World& world);
    // One step. InvalidArgument if loss or gradient is not finite; the weights are then those of the last
    // good step.
    Result<LanguageStepReport> train();
    int64_t step() const { return step_; }
    // From the next step on: rates, decay, lengths of the schedule. Not the model, the texts or the batch.
    Result<void> change(const LanguageTrainingOptions& options);

    const LanguageModel& model() const { return *model_; }
    // The trained model, frozen; the trainer is of no use any more.
    std::unique_ptr<LanguageModel> takeModel();
    const std::vector<LanguageTrainingText>& texts() const { return texts_; }
    // Perplexity on the held-out part of one text, over at most `windows` windows of the training length.
    Result<PerplexityScore> heldOut(const LanguageTrainingText& text, int64_t windows, JobContext& job) const;

    // Weights, optimiser and step. restore refuses a checkpoint of another model, seed or text.
    Result<void> save(const std::filesystem::path& file) const;
    Result<void> restore(const std::filesystem::path& file);

  private:
    LanguageTrainer(LanguageTrainingOptions options, std::vector<LanguageTrainingText> texts,
                    std::unique_ptr<LanguageModel> model, std::shared_ptr<LanguageObjective> objective);
    at::Tensor windows(int64_t micro) const;
    Result<ObjectiveLoss> lossOf(const at::Tensor& ids) const;
    Result<double> microBatch(int64_t micro, LanguageStepReport& report);
    Result<void> average(LanguageStepReport& report);
    std::map<std::string, at::Tensor> state() const;
    Result<void> adopt(const std::map<std::string, at::Tensor>& state);
    std::string fingerprint() const;

    LanguageTrainingOptions options_;
    std::vector<LanguageTrainingText> texts_;
    std::unique_ptr<LanguageModel> model_;
    std::shared_ptr<LanguageObjective> objective_;  // null: the next token
    std::unique_ptr<Optimizer> optimizer_;
    World* world_ = nullptr;
    int64_t step_ = 0;
};

}  // namespace vitrine
