// What the job "puzzle" builds its library of: the parent or, where the settings' "chain_removed" takes the
// least influential blocks out of it first, what is left of it. "Chaining" depth (Muralidharan et al. 2024,
// Minitron; Siddiqui et al. 2024) and Puzzle: sums of scores forget that replaced blocks act on one another,
// which is worst where whole blocks go; those are chosen by another ranking before anything is summed.
#pragma once

#include "core/engine/distillation_run.h"

namespace vitrine {

struct PuzzleTrunk {
    std::shared_ptr<LanguageModel> model;  // the parent itself where nothing goes
    std::vector<int64_t> kept;             // the parent's block behind each of the model's
    std::vector<LayerSettings> removed;    // the parent's other blocks, in order
};

// `chain` is null at first, is filled with {"kept", "removed", "metric", "influence" (of each of the parent's
// blocks, by that metric), "steps", "nats_as_cut", "weights" (the trunk's fingerprint)}, and stays null
// where nothing goes; it belongs into the run's state, from which a stopped run goes on. `state` is what
// checkpoints of the trunk's own distillation keep. InvalidArgument (settings/chain_removed): no block would
// be left.
Result<PuzzleTrunk> puzzleTrunk(RunContext& run, DistillationRun& shared, Json& chain,
                                const DistillationRun::State& state);

// How models of the trunk's depth are distilled whole, from the parent: L = Σ (1 - cos of the streams) + KL,
// no cross-entropy (Bercovich et al. 2024, section 5). Streams are those behind the trunk's last
// "state_blocks" blocks and, in the parent, behind the blocks that they came from.
Result<DistillationOptions> wholeDistillation(const RunContext& run, const DistillationRun& shared,
                                              const std::vector<int64_t>& kept);

}  // namespace vitrine
