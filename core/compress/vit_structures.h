// Whole structures of a ViT: attention heads, hidden units of the MLPs, blocks, tokens. Ranked on activations
// in one pass over pictures, then cut out of the checkpoint's tensors under their own names, whatever the
// family (RADIO in its three layouts, the post-norm ViT of core/models/cifar): one table says which dimension
// of which tensor an axis touches. Both families read what a block has left from its shapes. Tokens are not
// cut out of tensors: they leave while the encoder runs (core/nn/token_reduction.h).
#pragma once

#include "core/base/job_context.h"
#include "core/compress/block_model.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/touched_tensor.h"
#include "core/nn/token_reduction.h"

#include <map>
#include <optional>

namespace vitrine {

struct VitStructurePlan {
    double heads = 1, neurons = 1;  // part that stays, in (0, 1]
    bool acrossBlocks = false;      // of all blocks together: more where they matter more; else of each block
    // Zeros in place of heads that go and behind the units of narrower hidden layers: opens everywhere.
    bool padded = false;
    int64_t blocks = 0;  // that go
    std::optional<nn::TokenReductionSettings> tokens{};
    bool random = false;  // the control: any structures in place of the least important ones
    uint64_t seed = 0;

    Result<void> validate(int64_t depth) const;
    std::string text() const;  // "heads 50 %, neurons 50 %, 2 blocks fewer, tokens 50 % (merge)"
    bool cutsTensors() const { return heads < 1 || neurons < 1 || blocks > 0; }
};

// Larger: more important.
struct VitRanking {
    // Of each block: root mean square of a head's output times the norm of the columns that read it (heads),
    // of a hidden unit times that of its column (units), relative to the size of the stream there.
    std::vector<at::Tensor> heads, neurons;
    at::Tensor blocks;  // (depth): 1 - mean cosine of the stream before and behind
};

// One pass of the calibration batches. `blocks` has groups 0 queries, keys and values, 1 their output, 2 and
// 3 the MLP. Cancelled.
Result<VitRanking> rankVit(BlockModel& blocks, int64_t headWidth, JobContext& job);

struct VitCut {
    std::map<std::string, at::Tensor> tensors;  // of the smaller model, blocks numbered anew
    std::vector<int64_t> blocks;                // those that stay, by their old numbers
    std::vector<int64_t> heads, neurons;        // left of each of them
    bool gated = false;                         // SwiGLU
};

// `tensors` of the checkpoint, every weight in plain form. Unsupported where they are no ViT that is known,
// and where zeros would be normalised (a norm inside the MLP) but are asked for.
Result<VitCut> cutVit(const std::map<std::string, at::Tensor>& tensors, const VitRanking& ranking,
                      const VitStructurePlan& plan);

enum class VitAxis { Heads, Neurons };
// What goes with a head or hidden unit of a block, of the checkpoint's tensors; heads are `headWidth` wide.
// InvalidArgument for one that is not there, Unsupported as cutVit.
Result<std::vector<TouchedTensor>> vitDependencyGroup(const StoredShapes& stored, VitAxis axis,
                                                      int64_t headWidth, int64_t block, int64_t index);

// config.json of the smaller model. `heads`: as many as the heads' width was counted from. Other programs
// (transformers, timm) open the folder where no head is gone and all blocks are equally wide. They take two
// thirds of `mlp_ratio` for a gated MLP and round up to a multiple of 8, so no other width will do there.
Json cutConfig(const Json& config, const VitCut& cut, int64_t heads, int64_t width);
bool opensElsewhere(const VitCut& cut, int64_t heads);

// Multiplications and additions of one picture through the linear layers and attention of all blocks.
// `tokens`: behind the attention of each block; in front of the first there are `before`.
double vitOperations(const BlockModel& blocks, int64_t before, const std::vector<int64_t>& tokens);

}  // namespace vitrine
