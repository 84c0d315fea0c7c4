// How much each structure of a language model matters: feed-forward neurons, attention heads, channels of the
// residual stream, blocks and their two parts. One calibration pass gathers sums from which every aggregation
// follows, and the file keeps them with the model's hash, so that pruning again needs no forward pass.
// Muralidharan et al. 2024 (Minitron), sections 2.2 and 2.3; Siddiqui et al. 2024 for blocks.
//
//   VITRINE_TRY(const auto ranking, rankStructures(*model, batches, {}, job));
//   at::Tensor neurons = ranking.neuronScores(3, {});        // (intermediate), larger = more important
#pragma once

#include "core/base/job_context.h"
#include "core/compress/calibration_statistics.h"
#include "core/models/language/language_model.h"

namespace vitrine {

enum class Reduction { Mean, L2, Variance };
const char* reductionName(Reduction reduction);  // "mean", "l2", "variance"
Result<Reduction> reductionFromName(const std::string& name);

// Absolute activations of a window are reduced over its tokens, then over the windows.
struct Aggregation {
    Reduction sequence = Reduction::Mean;
    Reduction windows = Reduction::L2;
};

// Sums over windows of each reduction over the tokens, of n structures. Streams: windows of any number at a
// time.
class AxisSums {
  public:
    // x (B, T, n): B windows.
    void add(const at::Tensor& x);
    at::Tensor scores(const Aggregation& aggregation) const;  // (n), float64; undefined without windows
    bool empty() const { return windows_ == 0; }
    int64_t size() const { return sums_.defined() ? sums_.size(1) : 0; }

    void save(const std::string& name, std::map<std::string, at::Tensor>& state) const;
    static AxisSums fromState(const std::string& name, const std::map<std::string, at::Tensor>& state);

  private:
    at::Tensor sums_, squares_;  // (3, n) float64: of mean, L2 and variance over the tokens
    int64_t windows_ = 0;
};

enum class NeuronScore {
    Activation,     // the aggregated activation of the neuron
    TimesDownNorm,  // that times the norm of its column of the down projection (Puzzle's score)
    WeightNorm,     // |W_up row| · |W_down column|: needs no data, a baseline
};

struct RankingOptions {
    int64_t skipTokens = 0;  // at the front of each window: start tokens have huge norms
};

class StructureRanking {
  public:
    CalibrationSource source;
    int64_t tokens = 0;

    int64_t depth() const { return int64_t(neurons.size()); }
    int64_t width() const;

    // (intermediate) of a block; undefined where it has no neurons.
    at::Tensor neuronScores(int64_t block, const Aggregation& aggregation,
                            NeuronScore kind = NeuronScore::Activation) const;
    // (queryHeads): L2 over the channels of a head. Heads compare within their key/value group only.
    at::Tensor headScores(int64_t block, const Aggregation& aggregation) const;
    // (width): summed over the outputs of all norms, since the stream is shared.
    at::Tensor channelScores(const Aggregation& aggregation) const;

    // Influence of blocks (depth) and of their parts (2·depth; 2i attention, 2i+1 feed-forward of block i) by
    // the name of the metric: "cosine", "relative_l1", "relative_l2" from the pass, others may be added
    // ("loss", "logit", ...). Larger = more important.
    std::map<std::string, at::Tensor> blocks, parts;
    at::Tensor streamNorms;  // (depth + 1): mean L2 norm of the stream in front of each block and at the end
    at::Tensor streamCosines;  // (depth + 1, depth + 1): mean cosine between those streams

    std::vector<AxisSums> neurons, heads;            // per block; heads: of the joined heads' channels
    std::vector<AxisSums> norms;                     // of each norm's output, in the order of the computation
    std::vector<at::Tensor> downNorms, weightNorms;  // (intermediate) per block
    std::vector<int64_t> headWidths;                 // per block; 0 without attention

    Result<void> save(const std::filesystem::path& file) const;
    static Result<StructureRanking> load(const std::filesystem::path& file);
    // InvalidArgument where it is another model's.
    Result<void> checkModel(const LanguageModel& model) const;
};

// Fingerprint of all weights, what rankings, libraries and lineages name a model by.
std::string structureFingerprint(const LanguageModel& model);

// One pass over `batches`, ids (B, T) each. Errors: no batch, NaN or infinity (names block and batch),
// Cancelled.
Result<StructureRanking> rankStructures(const LanguageModel& model, const std::vector<at::Tensor>& batches,
                                        const RankingOptions& options, JobContext& job);

}  // namespace vitrine
