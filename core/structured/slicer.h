// Smaller language models cut out of larger ones: channels of the residual stream, query heads, feed-forward
// neurons, parts of blocks, whole blocks. One table says which dimension of which tensor an axis touches.
// Keeping everything in another order is a permutation, and leaves the function as it is.
//
//   VITRINE_TRY(const SlicePlan plan, planFor(model->config(), ranking, {.intermediate = 256}, {}));
//   VITRINE_TRY(auto student, sliceModel(*model, plan));
#pragma once

#include "core/compress/touched_tensor.h"
#include "core/structured/structure_ranking.h"

namespace vitrine {

enum class StructureAxis { None, Channels, QueryHeads, Neurons };

// What an axis touches: `tensor` below its block ("self_attn.q_proj.weight") or of the whole model
// ("model.embed_tokens.weight").
struct AxisUse {
    const char* tensor;
    bool inBlock;
    StructureAxis rows, columns;  // dimension 0, dimension 1
};
const std::vector<AxisUse>& axisUses();
// What goes with a channel (in all blocks), or with a query head or neuron of block `block`: parts of tensors
// by their public names. InvalidArgument for one that is not there.
Result<std::vector<TouchedTensor>> dependencyGroup(const Decoder& decoder, StructureAxis axis, int64_t block,
                                                   int64_t index);

struct LayerSlice {
    int64_t source = 0;                         // block of the source model
    bool attention = true, feedForward = true;  // false: that part is gone, its norm too
    // Query heads to keep, in order: equally many of each key/value group, group by group. Undefined: all.
    at::Tensor heads = {};
    at::Tensor neurons = {};  // to keep, in order
};

struct SlicePlan {
    at::Tensor channels;  // to keep, in order; undefined (as in LayerSlice): all
    std::vector<LayerSlice> layers;

    Json json() const;
};

SlicePlan wholePlan(const DecoderConfig& config);

// The settings of the sliced model; a part that is gone becomes a NoOp, a block without both vanishes.
// InvalidArgument names the block: indices that do not exist, twice the same, unequal numbers per group.
Result<DecoderConfig> slicedConfig(const DecoderConfig& config, const SlicePlan& plan);
// A new model with weights of its own. Products that were put in place of linear layers are not taken along.
Result<std::unique_ptr<LanguageModel>> sliceModel(const LanguageModel& model, const SlicePlan& plan);
// A model of the full size that computes what the sliced one does: weights of what goes are 0, and norms run
// over the channels that stay.
Result<std::unique_ptr<LanguageModel>> maskedModel(const LanguageModel& model, const SlicePlan& plan);

// Sizes to cut to; 0: as it is.
struct StructureSizes {
    int64_t width = 0, heads = 0, intermediate = 0, depth = 0;
    bool operator==(const StructureSizes&) const = default;
    Json json() const;
};

enum class Selection { Importance, Random, LeastImportant };

struct SelectionOptions {
    Aggregation aggregation = {};
    NeuronScore neuronScore = NeuronScore::Activation;
    std::string blockMetric = "cosine";  // of StructureRanking::blocks
    Selection selection = Selection::Importance;
    uint64_t seed = 0;  // Random
};

// What stays of each axis, most important first; blocks stay in their order. Errors: sizes above the model's,
// heads that the key/value heads do not divide, a metric that the ranking lacks, another model's ranking.
Result<SlicePlan> planFor(const DecoderConfig& config, const StructureRanking& ranking,
                          const StructureSizes& sizes, const SelectionOptions& options);
// Everything stays, most important first: any smaller plan of the same options keeps the front of it.
Result<SlicePlan> sortedPlan(const DecoderConfig& config, const StructureRanking& ranking,
                             const SelectionOptions& options);
// The blocks or parts of which nothing stays. `parts`: 2i attention, 2i+1 feed-forward of block i.
SlicePlan withoutParts(const DecoderConfig& config, const std::vector<int64_t>& parts);
SlicePlan withoutBlocks(const DecoderConfig& config, const std::vector<int64_t>& blocks);

}  // namespace vitrine
