// Learning the masks of a language model on its own loss: the objective of a LanguageTrainer whose model is
// frozen and whose parameters are the masks' logits.
//
//   VITRINE_TRY(auto objective, MaskObjective::create(model->decoder(), options, prior));
//   VITRINE_TRY(auto trainer, LanguageTrainer::continueWith(maskTrainingOptions(...), texts,
//                                                           std::move(model), objective));
//   while (trainer->step() < steps) VITRINE_TRY(const auto report, trainer->train());
//   objective->settle();               // from here on the model computes with the masks chosen
//   VITRINE_TRY(const auto score, trainer->heldOut(...));
#pragma once

#include "core/compress/compression_plan.h"
#include "core/language/language_trainer.h"
#include "core/mask_learning/learned_masks.h"

namespace vitrine {

struct MaskLearningOptions {
    SparsityPattern pattern = SparsityPattern::nOfM(2, 4);
    MaskSchedule schedule;
    double deviation = 0.01;   // of the logits at the start
    double priorStrength = 3;  // in deviations
    bool hard = false;         // straight-through samples in place of soft masks
    int64_t steps = 2000;      // of the schedule
    uint64_t seed = 0;
    double rateFactor = 10;         // of the learning rate
    std::vector<std::string> skip;  // layers whose name holds one of these stay dense

    Result<void> validate() const;
};

// AdamW as published: 5e-5 to 5e-6 along a cosine (times rateFactor), no warm-up, betas 0.9 and 0.95, epsilon
// 1e-5, weight decay 0.1, gradients clipped to 1. The rest is as it is.
LanguageTrainingOptions withMaskTrainingRates(LanguageTrainingOptions options);

class MaskObjective : public LanguageObjective {
  public:
    // `prior`: masks by layer name; empty: none. Errors: those of LearnedMasks. The linear layers of
    // `decoder` compute with masked weights from now on, as long as this object lives; its weights must
    // already be where they stay (type, device).
    static Result<std::shared_ptr<MaskObjective>> create(Decoder& decoder, const MaskLearningOptions& options,
                                                         const NamedTensors& prior);
    ~MaskObjective() override;

    Result<ObjectiveLoss> loss(const Decoder& student, const at::Tensor& ids, int64_t step,
                               bool recompute) override;
    std::vector<OptimizedParameter> parameters() const override;
    bool trainsModel() const override { return false; }
    std::string fingerprint() const override;

    // Until the next loss the model computes with the masks chosen, as a pruned model does.
    void settle();
    // Cross-entropy of ids (B, T + 1) with soft masks as drawn at `step`, and with the masks chosen: they are
    // comparable where the choice has settled.
    double softLoss(const Decoder& student, const at::Tensor& ids, int64_t step);
    double hardLoss(const Decoder& student, const at::Tensor& ids);

    LearnedMasks& masks() { return *masks_; }
    const LearnedMasks& masks() const { return *masks_; }
    const MaskLearningOptions& options() const { return options_; }
    // Another length of the schedule, from the next step on.
    void setSteps(int64_t steps) { options_.steps = steps; }
    double progress(int64_t step) const;

  private:
    struct State;
    MaskObjective(const MaskLearningOptions& options, LearnedMasks masks, std::string priorHash);
    void draw(int64_t step);

    MaskLearningOptions options_;
    std::shared_ptr<LearnedMasks> masks_;
    std::shared_ptr<State> state_;
    std::string priorHash_;
    std::vector<std::shared_ptr<DecoderLinear>> linears_;
    int64_t lastStep_ = -1, micro_ = 0;
};

// Masks by layer name, as a one-shot method chooses them (Magnitude, Wanda, SparseGptMask, SparseGpt,
// Random), block after block. The model is pruned in the course of it: give a clone.
Result<NamedTensors> oneShotMasks(LanguageModel& model, std::vector<at::Tensor> batches, PruneMethod method,
                                  const SparsityPattern& pattern, const std::vector<std::string>& skip,
                                  uint64_t seed, JobContext& job);
// Those of a file, by layer name. Errors: those of MaskSet::load.
Result<NamedTensors> masksFromFile(const std::filesystem::path& file);

}  // namespace vitrine
