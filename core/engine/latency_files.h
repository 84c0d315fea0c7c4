// The times that a run of "train-sparse" keeps to: the table it chooses channels by, and what its network
// takes in the end.
#pragma once

#include "core/runs/run_context.h"
#include "core/sparse_training/sparse_trainer.h"

namespace vitrine {

// The table that this run began with (a resumed run goes on with it), else that of settings.latency_table,
// else one measured now at settings.latency_batch. Kept as latency_table.json. Errors of reading name the
// file.
Result<LatencyTable> latencyTableFor(RunContext& run, const SparseTrainingOptions& options);

// Times the network with its channels cut out beside the dense one, and keeps both beside what the table
// predicts as latency.json: {"batch", "threads", "group", "wanted_part", "predicted", "measured"}, the last
// two {"dense_ms", "ms", "part"}.
Result<void> keepLatency(RunContext& run, const SparseTrainer& trainer);

}  // namespace vitrine
