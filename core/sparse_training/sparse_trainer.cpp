#include "core/sparse_training/sparse_trainer.h"

#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"

#include <torch/autograd.h>

#include <array>
#include <cmath>

namespace vitrine {

SparseTrainer::SparseTrainer(const SparseTrainingOptions& options, const LabelledPictures& training,
                             ClassifierNetwork network, SparseStructure structure)
    : options_(options),
      training_(training),
      draw_(training, options_.batch, options_.seed),
      network_(std::move(network)),
      structure_(std::move(structure)) {}

Result<std::unique_ptr<SparseTrainer>> SparseTrainer::create(const SparseTrainingOptions& options,
                                                             const LabelledPictures& training) {
    VITRINE_TRY_VOID(options.validate());
    if (training.count() == 0 || training.side() != options.network.side ||
        training.classCount() != options.network.classes)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the network takes pictures of {} pixels in {} classes, these are {} "
                                "pictures of {} pixels in {} classes",
                                options.network.side, options.network.classes, training.count(),
                                training.count() ? training.side() : 0, training.classCount()));
    VITRINE_TRY(ClassifierNetwork network, ClassifierNetwork::create(options.network));
    // Where a time is kept to, layers have no density of their own.
    const double density = options.latency ? 1 : options.density;
    VITRINE_TRY(const SparseStructure none,
                SparseStructure::create(network, options.units, density, options.layout));
    std::unique_ptr<SparseTrainer> trainer(new SparseTrainer(options, training, std::move(network), none));
    // The structure points to the network of its trainer, which stays where it is.
    VITRINE_TRY(trainer->structure_,
                SparseStructure::create(trainer->network_, options.units, density, options.layout));
    VITRINE_TRY_VOID(trainer->begin());
    return trainer;
}

Result<void> SparseTrainer::begin() {
    const at::NoGradGuard plain;
    dataFingerprint_ = training_.fingerprint();
    values_ = network_.freshWeights(randomStream(options_.seed, 0, "fresh weights"));
    buffers_ = network_.freshBuffers();
    const bool fromDense = options_.method == SparseMethod::Dense ||
                           options_.method == SparseMethod::Magnitude ||
                           options_.method == SparseMethod::Gradual;
    if (options_.latency) {
        VITRINE_TRY(latency_, LatencyBudget::create(network_, *options_.latency));
        for (size_t index = 0; index < structure_.layers().size(); ++index)
            structure_.layers()[index].fixed = latency_->steps(index).size() == 1;
    }
    if (!fromDense && latency_)
        VITRINE_TRY_VOID(beginWithinLatency());
    else if (!fromDense)
        structure_.keepRandom(randomStream(options_.seed, 0, "first structure"));
    masks_ = structure_.parameterMasks();
    std::vector<bool> decays;
    for (size_t index = 0; index < values_.size(); ++index) {
        decays.push_back(network_.parameters()[index].prunable);
        if (masks_[index].defined() && options_.unusedStartAtZero && options_.units == UnitKind::Weights)
            values_[index].masked_fill_(masks_[index].logical_not(), 0);
        importance_.push_back(at::zeros_like(values_[index]));
    }
    optimizer_.emplace(values_, std::move(decays), options_.optimizer);
    return {};
}

Result<void> SparseTrainer::change(const SparseTrainingOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    options_.learningRate = options.learningRate;
    options_.steps = options.steps;
    options_.warmup = options.warmup;
    options_.stopAt = options.stopAt;
    options_.exchanged = options.exchanged;
    return {};
}

TensorList SparseTrainer::weightsInUse() const {
    const at::NoGradGuard plain;
    TensorList weights;
    for (size_t index = 0; index < values_.size(); ++index)
        weights.push_back(masks_[index].defined() ? values_[index] * masks_[index] : values_[index].clone());
    return weights;
}

ClassifierScore SparseTrainer::score(const LabelledPictures& set) const {
    return scoreClassifier(network_, weightsInUse(), buffers_, set);
}

// Which elements this step moves: an undefined tensor for all, an empty one for none.
TensorList SparseTrainer::selection() const {
    TensorList chosen = masks_;
    if (!isExploring())
        return chosen;
    for (at::Tensor& mask : chosen) {
        if (mask.defined())
            mask = options_.freezeInExploration ? mask.logical_not() : at::Tensor();
        else if (options_.freezeInExploration)
            mask = at::empty({0}, at::kBool);
    }
    return chosen;
}

double SparseTrainer::learningRate() const {
    return cosineRate(step_, options_.warmup, options_.steps, options_.learningRate);
}

Result<SparseStep> SparseTrainer::train() {
    if (stage_ == Stage::Training && options_.method == SparseMethod::Iee && options_.exchangedAt(step_) > 0)
        beginExchange();
    const PictureBatchTensors batch = draw_.draw(step_);
    const bool exploring = isExploring();
    // Leaves of their own, so that what is out gets its gradient too.
    TensorList leaves = exploring ? TensorList() : weightsInUse();
    if (exploring)
        for (const at::Tensor& value : values_)
            leaves.push_back(value.clone());
    for (at::Tensor& leaf : leaves)
        leaf.requires_grad_(true);
    TensorList kept;
    for (const at::Tensor& buffer : buffers_)
        kept.push_back(buffer.clone());
    const NormMode mode = exploring ? NormMode::Batch : NormMode::Learn;
    const at::Tensor loss =
        at::cross_entropy_loss(network_.forward(batch.pictures, leaves, buffers_, mode).logits, batch.labels);
    SparseStep report;
    report.loss = loss.item<double>();
    if (!std::isfinite(report.loss)) {
        buffers_ = std::move(kept);
        return fail(ErrorCode::InvalidArgument, fmt::format("the loss of step {} is not finite", step_ + 1),
                    {}, "Lower the learning rate");
    }
    loss.backward();
    TensorList gradients;
    for (const at::Tensor& leaf : leaves)
        gradients.push_back(leaf.grad());
    report.learningRate = learningRate();
    addImportance(gradients);  // of the weights that the gradients belong to
    optimizer_->step(values_, gradients, selection(), report.learningRate);
    static constexpr std::array kStages{"training", "importance", "accuracy", "exploration"};
    report.stage = kStages[size_t(stage_)];
    cost_ += stepCost();
    ++step_;
    report.step = step_;
    VITRINE_TRY(report.exchange, afterStep(gradients));
    report.cost = cost_ / (3 * double(options_.steps));
    return report;
}

// Multiplications of a step, in parts of a dense forward pass: forward, gradients of the inputs, gradients of
// the weights.
double SparseTrainer::stepCost() const {
    double all = 0, used = 0;
    for (size_t index = 0; index < values_.size(); ++index) {
        const ClassifierParameter& parameter = network_.parameters()[index];
        if (!parameter.prunable)
            continue;
        const double count = double(values_[index].numel()) * double(parameter.uses);
        all += count;
        used += masks_[index].defined() ? count * masks_[index].to(at::kFloat).mean().item<double>() : count;
    }
    const double density = used / all;
    if (isExploring())
        return 2 + (options_.freezeInExploration ? 1 - density : 1);
    const bool wantsAll = options_.method == SparseMethod::Rigl && step_ % options_.cycleSteps() == 0;
    return 2 * density + (wantsAll ? 1 : density);
}

}  // namespace vitrine
