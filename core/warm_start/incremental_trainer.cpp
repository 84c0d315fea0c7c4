#include "core/warm_start/incremental_trainer.h"

#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"

#include <torch/autograd.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kRampEnd = 1. / 3;  // of a chunk, where the pressure to consolidate has gone

TensorList copies(const TensorList& tensors) {
    TensorList list;
    for (const at::Tensor& tensor : tensors)
        list.push_back(tensor.detach().clone());
    return list;
}

// Of the weights at these places; none where there is no place.
std::optional<double> meanAt(const at::Tensor& weights, const at::Tensor& places) {
    const at::Tensor chosen = weights.masked_select(places);
    return chosen.numel() > 0 ? std::optional(chosen.mean().item<double>()) : std::nullopt;
}

}  // namespace

Result<ChunkStart> chunkStartFromName(const std::string& name) {
    static const std::map<std::string, ChunkStart> starts{{"warm", ChunkStart::Warm},
                                                          {"cold", ChunkStart::Cold},
                                                          {"cold_all", ChunkStart::ColdAll},
                                                          {"shrink_perturb", ChunkStart::ShrinkPerturb}};
    if (const auto found = starts.find(name); found != starts.end())
        return found->second;
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no start \"{}\" of a chunk", name), {},
                "Take one of warm, cold, cold_all, shrink_perturb");
}

Result<void> IncrementalOptions::validate() const {
    const auto wrong = [](const std::string& what) { return fail(ErrorCode::InvalidArgument, what); };
    VITRINE_TRY_VOID(network.validate());
    if (epochs < 1 || batch.size < 1)
        return wrong("training takes at least one epoch in batches of one picture");
    if (featureWeight < 0 || distillationWeight < 0 || pullBack < 0 || consolidationWeight < 0)
        return wrong("weights of losses are not negative");
    return temperature > 0 ? Result<void>() : wrong("the temperature lies above 0");
}

IncrementalTrainer::IncrementalTrainer(const IncrementalOptions& options,
                                       std::vector<LabelledPictures> chunks, ClassifierNetwork network,
                                       TensorList masks)
    : options_(options), chunks_(std::move(chunks)), network_(std::move(network)), masks_(std::move(masks)) {}

Result<std::unique_ptr<IncrementalTrainer>> IncrementalTrainer::create(
    const IncrementalOptions& options, std::vector<LabelledPictures> chunks,
    std::optional<IncrementalBeginning> beginning) {
    VITRINE_TRY_VOID(options.validate());
    if (chunks.empty())
        return fail(ErrorCode::InvalidArgument, "there is no chunk of pictures to learn");
    for (const LabelledPictures& chunk : chunks)
        if (chunk.count() == 0 || chunk.side() != options.network.side ||
            chunk.classCount() != options.network.classes)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the network takes pictures of {} pixels in {} classes; a chunk is "
                                    "empty or has others",
                                    options.network.side, options.network.classes));
    VITRINE_TRY(ClassifierNetwork network, ClassifierNetwork::create(options.network));
    const size_t count = network.parameters().size();
    TensorList masks = beginning && !beginning->masks.empty() ? beginning->masks : TensorList(count);
    std::unique_ptr<IncrementalTrainer> trainer(
        new IncrementalTrainer(options, std::move(chunks), std::move(network), std::move(masks)));
    trainer->weights_ = beginning
                            ? copies(beginning->weights)
                            : trainer->network_.freshWeights(randomStream(options.seed, 0, "fresh weights"));
    trainer->buffers_ = beginning ? copies(beginning->buffers) : trainer->network_.freshBuffers();
    if (trainer->weights_.size() != count || trainer->masks_.size() != count)
        return fail(ErrorCode::InvalidArgument, "the network to begin with has other parameters");
    for (size_t index = 0; index < count; ++index)
        if (trainer->masks_[index].defined())
            trainer->weights_[index].masked_fill_(trainer->masks_[index].logical_not(), 0);
    trainer->openChunk();
    trainer->makeOptimizer();
    return trainer;
}

uint64_t IncrementalTrainer::chunkSeed() const {
    return randomHash(options_.seed, chunk_, "chunk");
}

void IncrementalTrainer::makeOptimizer() {
    std::vector<bool> decays;
    for (const ClassifierParameter& parameter : network_.parameters())
        decays.push_back(parameter.prunable);
    optimizer_.emplace(weights_, std::move(decays), options_.optimizer);
}

// The new chunk; all so far; or the new one and what the earlier ones left behind.
LabelledPictures IncrementalTrainer::picturesOf(int64_t chunk) const {
    const bool all = options_.start == ChunkStart::ColdAll;
    if (!all && options_.replayed == 0)
        return chunks_[size_t(chunk)];
    std::vector<at::Tensor> pictures, labels;
    for (int64_t index = 0; index <= chunk; ++index) {
        const LabelledPictures& set = chunks_[size_t(index)];
        if (all || index == chunk) {
            pictures.push_back(set.pictures);
            labels.push_back(set.labels);
            continue;
        }
        for (int64_t number = 0; number < set.classCount(); ++number) {
            const at::Tensor members = set.labels.eq(number).nonzero().flatten();
            const auto kept = set.at(members.narrow(0, 0, std::min(options_.replayed, members.size(0))));
            pictures.push_back(kept.pictures);
            labels.push_back(kept.labels);
        }
    }
    return {at::cat(pictures), at::cat(labels), chunks_.front().classes};
}

void IncrementalTrainer::openChunk() {
    open_ = picturesOf(chunk_);
    draw_.emplace(open_, options_.batch, chunkSeed());
}

int64_t IncrementalTrainer::stepsOf(int64_t chunk) const {
    int64_t pictures = 0;
    for (int64_t index = options_.start == ChunkStart::ColdAll ? 0 : chunk; index <= chunk; ++index)
        pictures += chunks_[size_t(index)].count();
    return std::max<int64_t>(1, options_.epochs * pictures / options_.batch.size);
}

int64_t IncrementalTrainer::totalSteps() const {
    int64_t steps = 0;
    for (int64_t chunk = 0; chunk < int64_t(chunks_.size()); ++chunk)
        steps += stepsOf(chunk);
    return steps;
}

void IncrementalTrainer::beginChunk() {
    const at::NoGradGuard plain;
    openChunk();
    teacherWeights_ = copies(weights_);
    teacherBuffers_ = copies(buffers_);
    const TensorList fresh = network_.freshWeights(randomStream(options_.seed, chunk_, "fresh weights"));
    if (options_.start == ChunkStart::Cold || options_.start == ChunkStart::ColdAll) {
        weights_ = copies(fresh);
        buffers_ = network_.freshBuffers();
    } else if (options_.start == ChunkStart::ShrinkPerturb) {
        for (size_t index = 0; index < weights_.size(); ++index)
            if (network_.parameters()[index].prunable)
                weights_[index] = weights_[index] * options_.shrink + fresh[index] * options_.perturb;
    }
    for (size_t index = 0; index < weights_.size(); ++index)
        if (masks_[index].defined())
            weights_[index].masked_fill_(masks_[index].logical_not(), 0);
    makeOptimizer();
}

at::Tensor IncrementalTrainer::featureLoss(const ClassifierOutput& student, const ClassifierOutput& teacher,
                                           const TensorList& leaves, double progress) const {
    at::Tensor loss = at::zeros({});
    const FeatureTerm term = options_.features;
    const double weight = options_.featureWeight * (options_.featureFades ? 1 - progress : 1);
    if (term == FeatureTerm::Direction || term == FeatureTerm::Both)
        loss = loss + weight * featureDirectionLoss(student.features, teacher.features);
    if (term == FeatureTerm::Subspace) {
        const at::Tensor& last = leaves[leaves.size() - 2];  // the last layer's weight; its bias follows
        loss = loss + weight * featureDirectionLoss(inRowSpace(student.features, last),
                                                    inRowSpace(teacher.features, last));
    }
    if ((term == FeatureTerm::Consolidate || term == FeatureTerm::Both) && progress < kRampEnd)
        loss = loss +
               options_.consolidationWeight * (1 - progress / kRampEnd) * channelNormLoss(student.features);
    return loss;
}

Result<IncrementalStep> IncrementalTrainer::train() {
    if (isDone())
        return fail(ErrorCode::InvalidArgument, "all chunks are learnt");
    // The next chunk opens with the step behind the last one, so that what a chunk left can be looked at.
    if (chunkStep_ == stepsOf(chunk_)) {
        ++chunk_;
        chunkStep_ = 0;
        beginChunk();
    }
    const int64_t steps = stepsOf(chunk_);
    const PictureBatchTensors batch = draw_->draw(chunkStep_);
    TensorList leaves = copies(weights_), kept = copies(buffers_);
    for (at::Tensor& leaf : leaves)
        leaf.requires_grad_(true);
    const ClassifierOutput student = network_.forward(batch.pictures, leaves, buffers_, NormMode::Learn);
    const at::Tensor crossEntropy = at::cross_entropy_loss(student.logits, batch.labels);
    at::Tensor loss = crossEntropy;
    IncrementalStep report;
    report.chunk = chunk_;
    report.crossEntropy = crossEntropy.item<double>();
    if (usesTeacher()) {
        ClassifierOutput teacher;
        {
            const at::NoGradGuard plain;
            teacher = network_.forward(batch.pictures, teacherWeights_, teacherBuffers_, NormMode::Evaluate);
        }
        const at::Tensor features = featureLoss(student, teacher, leaves, double(chunkStep_) / double(steps));
        const at::Tensor weights =
            distillationWeights(options_.distillation, student.logits, teacher.logits, batch.labels);
        const at::Tensor distilled =
            options_.distillationWeight *
            weightedDistillation(student.logits, teacher.logits, weights, options_.temperature);
        loss = loss + features + distilled;
        report.featureLoss = features.item<double>();
        report.distillationLoss = distilled.item<double>();
        if (options_.distillation != DistillationTerm::None) {
            report.pictureWeights = weights;
            report.teacherRight = teacher.logits.argmax(1).eq(batch.labels);
            report.meanWeightRight = meanAt(weights, report.teacherRight);
            report.meanWeightWrong = meanAt(weights, report.teacherRight.logical_not());
        }
    }
    report.loss = loss.item<double>();
    if (!std::isfinite(report.loss)) {
        buffers_ = std::move(kept);
        return fail(ErrorCode::InvalidArgument, fmt::format("the loss of step {} is not finite", step_ + 1),
                    {}, "Lower the learning rate");
    }
    loss.backward();
    TensorList gradients;
    for (size_t index = 0; index < leaves.size(); ++index) {
        at::Tensor gradient = leaves[index].grad();
        if (usesTeacher() && options_.pullBack > 0)
            gradient = gradient + 2 * options_.pullBack * (weights_[index] - teacherWeights_[index]);
        gradients.push_back(gradient);
    }
    report.learningRate =
        cosineRate(chunkStep_, std::min(options_.warmup, steps / 2), steps, options_.learningRate);
    optimizer_->step(weights_, gradients, masks_, report.learningRate);
    report.step = ++step_;
    if (++chunkStep_ == steps)
        report.endsChunk = true;
    return report;
}

bool IncrementalTrainer::isDone() const {
    return chunk_ + 1 == int64_t(chunks_.size()) && chunkStep_ == stepsOf(chunk_);
}

at::Tensor IncrementalTrainer::channelUse(const LabelledPictures& set) const {
    const at::NoGradGuard plain;
    TensorList kept = buffers_;
    return network_.forward(set.pictures, weights_, kept, NormMode::Evaluate).features.abs().mean(0);
}

}  // namespace vitrine
