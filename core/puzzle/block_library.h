// Puzzle's library of blocks (Bercovich et al. 2024, "Puzzle: distillation-based NAS for inference-optimized
// LLMs", section 3): for every layer of a parent model, variants of its attention and of its feed-forward
// part, each taught alone to do what the parent's does (blockwise local distillation), with the loss of the
// model when it stands in the parent's place and what it costs. Any pair of parts is a block variant of the
// layer.
//
//   VITRINE_TRY(BlockLibrary library, startLibrary(*parent, ranking, grid, batches, job));
//   VITRINE_TRY_VOID(distilLayer(*parent, 0, batches, options, library, job));   // each layer
//   VITRINE_TRY_VOID(scoreLayer(*parent, 0, windows, library, job));             // block_scores.h
//   VITRINE_TRY(auto child, assemble(*parent, library, choice));
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/language_model.h"
#include "core/puzzle/architecture_costs.h"
#include "core/puzzle/key_value_start.h"
#include "core/puzzle/part_starts.h"
#include "core/structured/structure_ranking.h"

#include <filesystem>

namespace vitrine {

class DecoderBlock;

// What may stand in the place of a part. The first variant of each part is the parent's own.
struct VariantGrid {
    std::vector<int64_t> keyValueHeads;  // fewer than the parent's, dividing them
    std::vector<double> neuronShares;    // of the parent's neurons, between 0 and 1
    bool attentionLinear = true, attentionNoOp = true;
    bool feedForwardLinear = true, feedForwardNoOp = true;
    KeyValueStart keyValueStart = KeyValueStart::Average;
    NeuronStart neuronStart = NeuronStart::Independent;
    LinearStart linearStart = LinearStart::Fit;
};

struct PartVariant {
    std::string name;  // "parent", "1 key/value head", "50 % neurons", "linear", "none"
    SubLayer part = SubLayer::Attention;
    LayerSettings settings;                     // only the part's own half counts
    std::map<std::string, at::Tensor> weights;  // below the block: "self_attn.q_proj.weight", norms included
    // Mean squared error of the block's output over the mean square of the parent's update, before and after
    // blockwise distillation; NaN where it was not measured.
    double errorBefore = 0, errorAfter = 0;
    int64_t steps = 0;  // of that distillation
};

// Both parts of a layer taught together (coupled blockwise distillation), from what each had learnt alone.
struct PairVariant {
    BlockChoice choice;
    std::map<std::string, at::Tensor> weights;  // below the block, of what was taught
    double errorBefore = 0, errorAfter = 0;     // as of a part
    int64_t steps = 0;
    double score = 0;  // as in LayerVariants::scores; NaN before it was measured
};

struct LayerVariants {
    std::vector<PartVariant> attention, feedForward;
    // What the model loses with the pair in place (BlockScore), (attention, feedForward); undefined before
    // scoring. 0 for the parent's own pair.
    at::Tensor scores;
    std::vector<PairVariant> pairs;

    // Null where it was not taught together.
    const PairVariant* pair(const BlockChoice& choice) const;
};

class BlockLibrary {
  public:
    std::string modelHash;
    std::string scoredBy;  // ScoreOptions::name; empty: not scored yet
    std::vector<LayerVariants> layers;

    int64_t depth() const { return int64_t(layers.size()); }
    LayerSettings settings(int64_t layer, int64_t attention, int64_t feedForward) const;

    // library.safetensors: weights, scores and errors of all variants, with the parent's hash.
    Result<void> save(const std::filesystem::path& file) const;
    static Result<BlockLibrary> load(const std::filesystem::path& file);
    Result<void> checkModel(const LanguageModel& parent) const;
    // Without weights: [{"attention": [{"name", "error_before", "error_after", "parameters"}],
    // "feed_forward": [...], "scores": [[...]], "pairs": [{"attention", "feed_forward", "score", ...}]}].
    Json json(const DecoderConfig& config) const;
};

// Variants as they begin: of neurons, key/value heads and matrices as the grid says. Errors: heads that do
// not divide the parent's, shares outside of (0, 1), another model's ranking, a parent whose parts are
// replaced already.
Result<BlockLibrary> startLibrary(const LanguageModel& parent, const StructureRanking& ranking,
                                  const VariantGrid& grid, const std::vector<at::Tensor>& batches,
                                  JobContext& job);

struct BlockwiseOptions {
    int64_t steps = 100;
    double learningRate = 1e-3;
    double clipNorm = 1;
    uint64_t seed = 0;  // of the order of batches
};
// Teaches all variants of one layer on the parent's own activations (no error propagates): batches of ids
// (B, T). Deterministic.
Result<void> distilLayer(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& batches,
                         const BlockwiseOptions& options, BlockLibrary& library, JobContext& job);

// Teaches both parts of each pair of one layer together, beginning with what they learnt alone, and keeps
// them as library.layers[layer].pairs. Where one part is the parent's own it stays frozen, and the lesson is
// that of the other part alone. Meant for the pairs that a first search chose: all of them would be too many.
Result<void> distilPairs(const LanguageModel& parent, int64_t layer, const std::vector<BlockChoice>& choices,
                         const std::vector<at::Tensor>& batches, const BlockwiseOptions& options,
                         BlockLibrary& library, JobContext& job);

DecoderConfig assembledConfig(const DecoderConfig& parent, const BlockLibrary& library,
                              const std::vector<BlockChoice>& choices);
// Together: pairs that were taught together are taken as they are then.
enum class PartsTaught { Alone, Together };
// A new model with weights of its own. InvalidArgument for another parent or choices that do not exist.
Result<std::unique_ptr<LanguageModel>> assemble(const LanguageModel& parent, const BlockLibrary& library,
                                                const std::vector<BlockChoice>& choices,
                                                PartsTaught taught = PartsTaught::Alone);

// A block of two variants for `parent`, frozen.
std::shared_ptr<DecoderBlock> makeVariantBlock(const Decoder& parent, int64_t layer,
                                               const PartVariant& attention, const PartVariant& feedForward);
std::shared_ptr<DecoderBlock> makeVariantBlock(const Decoder& parent, int64_t layer,
                                               const LayerVariants& variants, const BlockChoice& choice,
                                               PartsTaught taught);

}  // namespace vitrine
