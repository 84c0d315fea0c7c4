// Training a classifier with a part of its weights (Advancing Weight and Channel Sparsification with Enhanced
// Saliency, arXiv 2502.03658, and its rivals). IEE exchanges Ω units in three stages: train what is in use
// and score it (H steps), take the worst out and let the rest settle (J), then freeze it, bring everything
// else back at its most recently used values and train only that (Q); the best of it enters by the same
// score.
//
// For channels within a time, which and how many leave and enter is one choice over all layers
// (latency_budget.h): Ω of the time that could be saved is freed, and what is tried competes for it.
//
//   VITRINE_TRY(auto trainer, SparseTrainer::create(options, training));
//   while (trainer->step() < options.steps) VITRINE_TRY(const SparseStep report, trainer->train());
//
// What is random depends on (seed, step) alone: a restored trainer goes on bit by bit.
#pragma once

#include "core/sparse_training/score_spread.h"
#include "core/sparse_training/sparse_options.h"

#include <filesystem>
#include <memory>
#include <optional>

namespace vitrine {

// One layer in one exchange. Counts of units.
struct LayerExchange {
    std::string name;
    int64_t units = 0, active = 0;
    double exploited = 0, explored = 0;  // parts of the units in use and on trial during exploration
    int64_t left = 0, entered = 0;       // flips: those that changed sides over the whole exchange
    int64_t reactivated = 0;             // of the entered: had been in use before
};

struct ExchangeReport {
    int64_t cycle = 0, step = 0;
    double exchanged = 0;  // Ω as a part of what is in use
    std::vector<LayerExchange> layers;
    double intersectionOverUnion = 1;   // of the structures before and after
    std::optional<double> survival;     // of what entered three exchanges ago: part still in use
    double everActive = 0;              // part of the units ever in use (in-time over-parameterisation)
    std::optional<ScoreSpread> scores;  // of IEE's trial, over the layers that exchange units
    std::optional<double> latency;      // predicted after it, as a part of the dense network's

    int64_t total(int64_t LayerExchange::*count) const;
};

struct SparseStep {
    int64_t step = 0;  // steps done after this one
    double loss = 0, learningRate = 0;
    std::string stage;  // "training", "importance", "accuracy", "exploration"
    double cost = 0;    // multiplications so far, in parts of one dense run's
    std::optional<ExchangeReport> exchange;
};

class SparseTrainer {
  public:
    // `training` outlives the trainer. InvalidArgument: options, or pictures of another size or class count.
    static Result<std::unique_ptr<SparseTrainer>> create(const SparseTrainingOptions& options,
                                                         const LabelledPictures& training);

    // InvalidArgument if the loss is not finite; the weights are then those of the last good step.
    Result<SparseStep> train();
    int64_t step() const { return step_; }
    const SparseTrainingOptions& options() const { return options_; }
    // From the next step on: rates, steps, warm-up, the end of the exchanges and their size.
    Result<void> change(const SparseTrainingOptions& options);

    const ClassifierNetwork& network() const { return network_; }
    const SparseStructure& structure() const { return structure_; }
    const TensorList& values() const { return values_; }  // also of what is not in use
    const TensorList& buffers() const { return buffers_; }
    TensorList weightsInUse() const;  // zero where not in use
    ClassifierScore score(const LabelledPictures& set) const;
    // Channels that are out cut away: smaller tensors for the same function (units = Channels).
    TensorList cutWeights(TensorList& cutBuffers) const;
    // Null where a density is kept and not a time.
    const LatencyBudget* latency() const { return latency_ ? &*latency_ : nullptr; }
    bool isExploring() const { return stage_ == Stage::Exploration && options_.reactivate; }

    // Everything that training goes on from. restore refuses checkpoints of other networks, seeds or data.
    Result<void> save(const std::filesystem::path& file) const;
    Result<void> restore(const std::filesystem::path& file);

  private:
    enum class Stage { Training, Importance, Accuracy, Exploration };

    SparseTrainer(const SparseTrainingOptions& options, const LabelledPictures& training,
                  ClassifierNetwork network, SparseStructure structure);
    Result<void> begin();
    double learningRate() const;
    TensorList selection() const;
    void addImportance(const TensorList& gradients);
    std::vector<at::Tensor> scores() const;
    double stepCost() const;
    Result<void> keepLargest(double progress);
    void beginExchange();
    Result<void> takeOut(const std::vector<at::Tensor>& scores);
    void beginExploration();
    std::optional<ScoreSpread> scoresOfTrial(const std::vector<at::Tensor>& after) const;
    Result<ExchangeReport> takeIn(const std::vector<at::Tensor>& scores, bool atZero);
    void endTrial();
    void welcome(const TensorList& places, bool atZero);
    std::optional<double> survival() const;
    // Channels within a time: at the start, and how many leave and enter each layer.
    Result<void> beginWithinLatency();
    Result<std::vector<int64_t>> leavingForLatency(const std::vector<at::Tensor>& scores) const;
    Result<std::vector<int64_t>> enteringForLatency(const std::vector<at::Tensor>& scores) const;
    Result<std::vector<int64_t>> largestForLatency(const std::vector<at::Tensor>& scores,
                                                   double progress) const;
    Result<ExchangeReport> exchangeAtOnce(const TensorList& gradients);
    // What happens between this step and the next one.
    Result<std::optional<ExchangeReport>> afterStep(const TensorList& gradients);
    Result<std::optional<ExchangeReport>> afterIeeStep();
    std::map<std::string, at::Tensor> state() const;
    Result<void> adopt(const std::map<std::string, at::Tensor>& state);
    std::string fingerprint() const;

    SparseTrainingOptions options_;
    const LabelledPictures& training_;
    BatchDraw draw_;
    ClassifierNetwork network_;
    SparseStructure structure_;
    std::optional<LatencyBudget> latency_;
    TensorList values_, buffers_;
    std::optional<SelectiveOptimizer> optimizer_;
    TensorList masks_;       // of the parameters, as the structure says
    TensorList importance_;  // sums of (w · ∂L/∂w)² over the batches of a stage
    TensorList beforeExploration_;
    std::vector<at::Tensor> beforeExchange_;  // units in use
    std::vector<int64_t> leaving_;            // units of each layer that leave in this exchange
    std::vector<int64_t> entered_;            // units that entered in each exchange so far
    Stage stage_ = Stage::Training;
    int64_t stageStep_ = 0, step_ = 0, cycle_ = 0;
    double exchanged_ = 0, cost_ = 0;
    std::string dataFingerprint_;
};

}  // namespace vitrine
