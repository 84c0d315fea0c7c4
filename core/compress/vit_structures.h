// Whole structures of the post-norm ViT of core/models/cifar: attention heads, hidden units of the MLPs,
// blocks. Ranked on activations in one pass, then cut out of the checkpoint's tensors; core/models/cifar
// reads the narrower layers from their shapes.
#pragma once

#include "core/base/job_context.h"
#include "core/compress/block_model.h"

#include <map>

namespace vitrine {

struct VitStructurePlan {
    double heads = 1, neurons = 1;  // part that stays in every block, in (0, 1]
    int64_t blocks = 0;             // that go
    bool random = false;            // the control: any structures in place of the least important ones
    uint64_t seed = 0;

    Result<void> validate(int64_t depth) const;
    std::string text() const;  // "heads 50 %, neurons 50 %, 2 blocks fewer"
};

// Larger: more important.
struct VitRanking {
    // Of each block: root mean square of a head's output times the norm of the columns that read it (heads),
    // of a hidden unit times that of its column (units).
    std::vector<at::Tensor> heads, neurons;
    at::Tensor blocks;  // (depth): 1 - mean cosine of the stream before and behind
};

// One pass of the calibration batches. `blocks` has groups as PostNormBlocks: 0 queries, keys and values, 1
// their output, 2 and 3 the MLP. Cancelled.
Result<VitRanking> rankVit(BlockModel& blocks, int64_t heads, JobContext& job);

// `tensors` of the checkpoint -> those of the smaller model, blocks numbered anew. `heads` as it was trained.
Result<std::map<std::string, at::Tensor>> cutVit(const std::map<std::string, at::Tensor>& tensors,
                                                 const VitRanking& ranking, const VitStructurePlan& plan,
                                                 int64_t heads);

}  // namespace vitrine
