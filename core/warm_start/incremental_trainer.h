// Training on data that comes in chunks: each chunk starts from the network that the chunks before left (or
// from anew), with terms that keep what it knew (CKCA) or without. Same classes throughout.
//
//   VITRINE_TRY(auto trainer, IncrementalTrainer::create(options, chunks));
//   while (!trainer->isDone()) VITRINE_TRY(const IncrementalStep report, trainer->train());
//
// What is random depends on (seed, chunk, step) alone: a restored trainer goes on bit by bit.
#pragma once

#include "core/image_training/classifier_network.h"
#include "core/image_training/labelled_pictures.h"
#include "core/image_training/selective_optimizer.h"
#include "core/warm_start/consolidation_losses.h"

#include <filesystem>
#include <memory>
#include <optional>

namespace vitrine {

enum class ChunkStart {
    Warm,          // the weights that the last chunk left
    Cold,          // fresh weights, the new chunk alone: a floor
    ColdAll,       // fresh weights, all chunks so far: the upper bound, at a cost that grows with them
    ShrinkPerturb  // 0.6 of the weights + 0.3 of fresh ones (Ash and Adams 2020)
};
Result<ChunkStart> chunkStartFromName(const std::string& name);  // "warm", "cold", "cold_all", ...

struct IncrementalOptions {
    ClassifierShape network;
    ChunkStart start = ChunkStart::Warm;
    double shrink = 0.6, perturb = 0.3;  // ShrinkPerturb
    FeatureTerm features = FeatureTerm::Direction;
    double featureWeight = 1;           // of Direction and Subspace
    bool featureFades = false;          // linearly to 0 over the chunk
    double consolidationWeight = 0.01;  // of Consolidate, ramped to 0 over the first third
    DistillationTerm distillation = DistillationTerm::Trust;
    double distillationWeight = 1, temperature = 2;
    double pullBack = 0;   // L2-SP: weight of ‖θ - θ of the chunk before‖²
    int64_t replayed = 0;  // pictures of each class that every earlier chunk leaves behind (0: none)
    int64_t epochs = 20;   // of each chunk
    BatchOptions batch{32, 1, true};
    double learningRate = 0.05;  // its peak, again in every chunk; a cosine to 0
    int64_t warmup = 10;
    SelectiveOptimizerOptions optimizer;
    uint64_t seed = 0;

    Result<void> validate() const;
    bool hasTeacher() const { return start == ChunkStart::Warm || start == ChunkStart::ShrinkPerturb; }
};

struct IncrementalStep {
    int64_t chunk = 0, step = 0;  // step: all steps done, over all chunks
    double loss = 0, crossEntropy = 0, featureLoss = 0, distillationLoss = 0;
    // Of the distillation, over the batch's pictures where the teacher is right, wrong; none where there is
    // no such picture or nothing is distilled.
    std::optional<double> meanWeightRight = {}, meanWeightWrong = {};
    // Of each picture of the batch (B), where something is distilled: its weight, whether the teacher is
    // right.
    at::Tensor pictureWeights = {}, teacherRight = {};
    double learningRate = 0;
    bool endsChunk = false;
};

// A network to begin with; `masks` (bool of a parameter's shape, undefined for all): what may be used.
struct IncrementalBeginning {
    TensorList weights, buffers, masks;
};

class IncrementalTrainer {
  public:
    // InvalidArgument: options, no chunk, chunks of another size or class count than the network's.
    static Result<std::unique_ptr<IncrementalTrainer>> create(
        const IncrementalOptions& options, std::vector<LabelledPictures> chunks,
        std::optional<IncrementalBeginning> beginning = std::nullopt);

    Result<IncrementalStep> train();
    bool isDone() const;
    int64_t step() const { return step_; }
    int64_t chunk() const { return chunk_; }
    int64_t totalSteps() const;
    int64_t stepsOf(int64_t chunk) const;

    const IncrementalOptions& options() const { return options_; }
    const ClassifierNetwork& network() const { return network_; }
    const TensorList& weights() const { return weights_; }
    const TensorList& buffers() const { return buffers_; }
    // The network that the chunk before left; empty in the first chunk.
    const TensorList& weightsBefore() const { return teacherWeights_; }
    const TensorList& buffersBefore() const { return teacherBuffers_; }
    ClassifierScore score(const LabelledPictures& set) const {
        return scoreClassifier(network_, weights_, buffers_, set);
    }
    // Mean size of each pooled channel over a set, (C): which channels carry.
    at::Tensor channelUse(const LabelledPictures& set) const;

    Result<void> save(const std::filesystem::path& file) const;
    Result<void> restore(const std::filesystem::path& file);

  private:
    IncrementalTrainer(const IncrementalOptions& options, std::vector<LabelledPictures> chunks,
                       ClassifierNetwork network, TensorList masks);
    LabelledPictures picturesOf(int64_t chunk) const;
    void openChunk();   // pictures and draw of the chunk at hand
    void beginChunk();  // teacher, starting weights, optimiser
    uint64_t chunkSeed() const;
    void makeOptimizer();
    bool usesTeacher() const { return chunk_ > 0 && options_.hasTeacher(); }
    at::Tensor featureLoss(const ClassifierOutput& student, const ClassifierOutput& teacher,
                           const TensorList& leaves, double progress) const;
    std::map<std::string, at::Tensor> state() const;
    Result<void> adopt(const std::map<std::string, at::Tensor>& state);
    std::string fingerprint() const;

    IncrementalOptions options_;
    std::vector<LabelledPictures> chunks_;
    ClassifierNetwork network_;
    TensorList masks_;  // one for each parameter
    TensorList weights_, buffers_, teacherWeights_, teacherBuffers_;
    std::optional<SelectiveOptimizer> optimizer_;
    LabelledPictures open_;  // of the chunk at hand
    std::optional<BatchDraw> draw_;
    int64_t chunk_ = 0, chunkStep_ = 0, step_ = 0;
};

}  // namespace vitrine
