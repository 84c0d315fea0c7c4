// What learning a chunk of data changed in a network: how alike its blocks stayed, and whether a straight
// walk from the network before to the one after leads over a hill of the loss (it "stepped out" of its
// basin).
#pragma once

#include "core/base/json.h"
#include "core/warm_start/incremental_trainer.h"

namespace vitrine {

struct ChunkChange {
    // Linear CKA (core/features/comparison.h) of each block before and after, over the pictures;
    // NaN for a block that gives the same for all of them.
    std::vector<std::string> blocks;
    std::vector<double> similarity;
    // Cross-entropy in nats at even places of the line between the weights, the network before first. Norms
    // take the statistics of the pictures everywhere: running ones in between belong to no network.
    std::vector<double> line;

    // How far the line lies above the straight one between its ends, at most; 0: no hill.
    double barrier() const;
    // {"layers": [{"name", "similarity"}], "line": [..], "barrier": ..}
    Json json() const;
};

// Of the chunk that the trainer learnt last, which is not the first. `pictures`: the first kChangePictures.
inline constexpr int64_t kChangePictures = 512;
ChunkChange chunkChange(const IncrementalTrainer& trainer, const LabelledPictures& pictures);

}  // namespace vitrine
