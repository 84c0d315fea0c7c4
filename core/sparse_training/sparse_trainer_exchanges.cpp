// What a SparseTrainer does between two steps: which units leave and which enter.
#include "core/distill/random_stream.h"
#include "core/sparse_training/sparse_trainer.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSurvivalCycles = 3;  // after so many exchanges what entered is looked for
constexpr double kOutOfQuestion = 1e30;

}  // namespace

int64_t ExchangeReport::total(int64_t LayerExchange::*count) const {
    int64_t sum = 0;
    for (const LayerExchange& layer : layers)
        sum += layer.*count;
    return sum;
}

Result<std::optional<ExchangeReport>> SparseTrainer::afterStep(const TensorList& gradients) {
    const at::NoGradGuard plain;
    const bool due = step_ % options_.cycleSteps() == 0;
    switch (options_.method) {
        case SparseMethod::Dense:
        case SparseMethod::Static:
            return std::nullopt;
        case SparseMethod::Magnitude:
            if (step_ == std::max<int64_t>(1, options_.steps / 2))
                VITRINE_TRY_VOID(keepLargest(1));
            return std::nullopt;
        case SparseMethod::Gradual:
            if (due || step_ == options_.lastExchange())
                VITRINE_TRY_VOID(keepLargest(
                    std::min(1., double(step_) / std::max<double>(1, double(options_.lastExchange())))));
            return std::nullopt;
        case SparseMethod::Set:
        case SparseMethod::Rigl: {
            if (!due || options_.exchangedAt(step_) == 0)
                return std::nullopt;
            VITRINE_TRY(ExchangeReport report, exchangeAtOnce(gradients));
            return report;
        }
        case SparseMethod::Iee:
            return afterIeeStep();
    }
    return std::nullopt;
}

std::vector<at::Tensor> SparseTrainer::scores() const {
    if (options_.saliency == Saliency::Taylor && options_.method == SparseMethod::Iee)
        return structure_.unitSums(importance_);
    TensorList sizes;
    for (const at::Tensor& value : values_)
        sizes.push_back(value.abs());
    return structure_.unitSums(sizes);
}

void SparseTrainer::addImportance(const TensorList& gradients) {
    if (options_.method != SparseMethod::Iee || options_.saliency != Saliency::Taylor ||
        stage_ == Stage::Training)
        return;
    const at::NoGradGuard plain;
    const bool exploring = isExploring();
    for (size_t index = 0; index < values_.size(); ++index)
        if (masks_[index].defined() && gradients[index].defined()) {
            const at::Tensor weight =
                exploring ? values_[index] : values_[index] * masks_[index].to(at::kFloat);
            importance_[index] += (weight * gradients[index]).square();
        }
}

Result<void> SparseTrainer::keepLargest(double progress) {
    const std::vector<at::Tensor> found = scores();
    std::vector<int64_t> counts;
    if (latency_) {
        VITRINE_TRY(counts, largestForLatency(found, progress));
    }
    for (const UnitLayer& layer : structure_.layers())
        if (!latency_) {
            const double part = layer.density + (1 - layer.density) * std::pow(1 - progress, 3);
            counts.push_back(
                std::min(layer.activeCount(), SparseStructure::allowed(layer.unitCount(), part)));
        }
    for (size_t index = 0; index < structure_.layers().size(); ++index) {
        UnitLayer& layer = structure_.layers()[index];
        const at::Tensor score = found[index].masked_fill(layer.active.logical_not(), -1);
        layer.active = at::zeros_like(layer.active);
        layer.active.index_fill_(0, std::get<1>(score.topk(counts[index])), true);
    }
    masks_ = structure_.parameterMasks();
    return {};
}

void SparseTrainer::beginExchange() {
    exchanged_ = options_.exchangedAt(step_);
    beforeExchange_.clear();
    leaving_.clear();
    for (const UnitLayer& layer : structure_.layers()) {
        const int64_t active = layer.activeCount();
        const int64_t wanted = layer.fixed ? 0 : std::llround(exchanged_ * double(active));
        beforeExchange_.push_back(layer.active.clone());
        // One unit stays in every layer, and what is out must be able to fill the places.
        leaving_.push_back(std::clamp<int64_t>(wanted, 0, std::max<int64_t>(0, active - 1)));
    }
    for (at::Tensor& sum : importance_)
        sum.zero_();
    stage_ = Stage::Importance;
    stageStep_ = 0;
}

Result<void> SparseTrainer::takeOut(const std::vector<at::Tensor>& found) {
    if (latency_) {
        VITRINE_TRY(leaving_, leavingForLatency(found));
    }
    for (size_t index = 0; index < structure_.layers().size(); ++index) {
        UnitLayer& layer = structure_.layers()[index];
        if (leaving_[index] == 0)
            continue;
        const at::Tensor score = found[index].masked_fill(layer.active.logical_not(), kOutOfQuestion);
        layer.active.index_fill_(0, std::get<1>(score.topk(leaving_[index], 0, false)), false);
    }
    masks_ = structure_.parameterMasks();
    return {};
}

void SparseTrainer::beginExploration() {
    stage_ = Stage::Exploration;
    stageStep_ = 0;
    beforeExploration_.clear();
    for (const at::Tensor& value : values_)
        beforeExploration_.push_back(value.clone());
    if (!options_.reactivate)
        return;
    for (size_t index = 0; index < values_.size(); ++index)
        if (masks_[index].defined()) {
            const at::Tensor out = masks_[index].logical_not();
            if (options_.exploreFrom == ComingBack::Zero)
                values_[index].masked_fill_(out, 0);
            optimizer_->reset(index, out);
            importance_[index].masked_fill_(out, 0);
        }
}

Result<ExchangeReport> SparseTrainer::takeIn(const std::vector<at::Tensor>& found, bool atZero) {
    std::vector<int64_t> entering = leaving_;
    if (latency_) {
        VITRINE_TRY(entering, enteringForLatency(found));
    }
    ExchangeReport report;
    report.cycle = cycle_;
    report.step = step_;
    report.exchanged = exchanged_;
    std::vector<at::Tensor> newcomers;
    std::vector<at::Tensor> before, after;
    double ever = 0, units = 0;
    for (size_t index = 0; index < structure_.layers().size(); ++index) {
        UnitLayer& layer = structure_.layers()[index];
        LayerExchange change{layer.name, layer.unitCount(), 0, 0, 0, 0, 0, 0};
        change.exploited = double(layer.activeCount()) / double(layer.unitCount());
        change.explored = 1 - change.exploited;
        const at::Tensor wasActive = layer.active.clone();
        if (entering[index] > 0) {
            const at::Tensor score = found[index].masked_fill(layer.active, -1);
            layer.active.index_fill_(0, std::get<1>(score.topk(entering[index])), true);
        }
        newcomers.push_back(layer.active.logical_and(wasActive.logical_not()));
        const at::Tensor entered = layer.active.logical_and(beforeExchange_[index].logical_not());
        change.active = layer.activeCount();
        change.entered = entered.sum().item<int64_t>();
        change.left = beforeExchange_[index].logical_and(layer.active.logical_not()).sum().item<int64_t>();
        change.reactivated = entered.logical_and(layer.everActive).sum().item<int64_t>();
        layer.enteredAt.masked_fill_(entered, cycle_);
        layer.everActive.logical_or_(layer.active);
        if (!layer.fixed) {
            ever += layer.everActive.sum().item<double>();
            units += double(layer.unitCount());
            before.push_back(beforeExchange_[index]);
            after.push_back(layer.active);
        }
        report.layers.push_back(std::move(change));
    }
    masks_ = structure_.parameterMasks();
    welcome(structure_.spread(newcomers), atZero);
    report.everActive = units > 0 ? ever / units : 1;
    if (!after.empty())
        report.intersectionOverUnion = intersectionOverUnion(at::cat(before), at::cat(after));
    entered_.push_back(report.total(&LayerExchange::entered));
    report.survival = survival();
    if (latency_)
        report.latency = latency_->predictedMs(structure_.activeCounts()) / latency_->denseMs();
    ++cycle_;
    return report;
}

// What did not enter forgets its trial, unless the next one goes on from there.
void SparseTrainer::endTrial() {
    if (!options_.reactivate || options_.exploreFrom == ComingBack::AfterExploration)
        return;
    for (size_t index = 0; index < values_.size(); ++index)
        if (masks_[index].defined())
            values_[index] = at::where(masks_[index], values_[index], beforeExploration_[index]);
}

// Weights that came in: their value, and no memory of earlier steps.
void SparseTrainer::welcome(const TensorList& places, bool atZero) {
    for (size_t index = 0; index < values_.size(); ++index) {
        if (!places[index].defined())
            continue;
        if (atZero || options_.comingBack == ComingBack::Zero)
            values_[index].masked_fill_(places[index], 0);
        else if (options_.comingBack == ComingBack::BeforePruning && !beforeExploration_.empty())
            values_[index] = at::where(places[index], beforeExploration_[index], values_[index]);
        optimizer_->reset(index, places[index]);
    }
}

std::optional<double> SparseTrainer::survival() const {
    const int64_t since = cycle_ - kSurvivalCycles;
    if (since < 0 || entered_[size_t(since)] == 0)
        return std::nullopt;
    double still = 0;
    for (const UnitLayer& layer : structure_.layers())
        still += layer.active.logical_and(layer.enteredAt.eq(since)).sum().item<double>();
    return still / double(entered_[size_t(since)]);
}

Result<ExchangeReport> SparseTrainer::exchangeAtOnce(const TensorList& gradients) {
    beginExchange();
    VITRINE_TRY_VOID(takeOut(scores()));
    std::vector<at::Tensor> wish;
    if (options_.method == SparseMethod::Rigl) {
        TensorList sizes;
        for (const at::Tensor& gradient : gradients)
            sizes.push_back(gradient.abs());
        wish = structure_.unitSums(sizes);
    } else {
        const auto random = randomStream(options_.seed, step_, "entering");
        for (const UnitLayer& layer : structure_.layers())
            wish.push_back(at::rand({layer.unitCount()}, random, at::TensorOptions()));
    }
    stage_ = Stage::Training;
    // Channels of zeros would get no gradient: they come in as they were.
    return takeIn(wish, options_.units == UnitKind::Weights);
}

Result<std::optional<ExchangeReport>> SparseTrainer::afterIeeStep() {
    if (stage_ == Stage::Training)
        return std::nullopt;
    ++stageStep_;
    if (stage_ == Stage::Importance && stageStep_ == options_.importanceSteps) {
        VITRINE_TRY_VOID(takeOut(scores()));
        stage_ = Stage::Accuracy;
        stageStep_ = 0;
    }
    if (stage_ == Stage::Accuracy && stageStep_ == options_.accuracySteps) {
        beginExploration();
        return std::nullopt;
    }
    if (stage_ != Stage::Exploration || stageStep_ < options_.explorationSteps)
        return std::nullopt;
    const std::vector<at::Tensor> found = scores();
    const std::optional<ScoreSpread> spread = scoresOfTrial(found);
    VITRINE_TRY(ExchangeReport report, takeIn(found, false));
    report.scores = spread;
    endTrial();
    stage_ = Stage::Training;
    stageStep_ = 0;
    beforeExploration_.clear();
    return report;
}

}  // namespace vitrine
