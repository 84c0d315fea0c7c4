// Scores are measured one block at a time and added up, which forgets that replaced blocks act on one
// another. Refinement measures them again with the found architecture around each block, and solves again
// near to it.
#pragma once

#include "core/puzzle/architecture_solver.h"
#include "core/puzzle/block_scores.h"

namespace vitrine {

struct RefinedArchitecture {
    std::vector<int64_t> choice;    // pairs, as the solver numbers them
    double before = 0, after = 0;   // scoreModel of what it began with and of `choice`
    int64_t rounds = 0, taken = 0;  // solved again; of these better ones
};

// At most `rounds` times: all pairs scored around the best architecture so far, the problem solved with those
// scores, and what it gives measured whole. Taken if better; otherwise the next solution may differ in half
// as many layers only. Ends where nothing changes. The budgets and the earlier solutions of `problem` are
// kept to.
Result<RefinedArchitecture> refineArchitecture(const LanguageModel& parent, const BlockLibrary& library,
                                               ArchitectureProblem problem, std::vector<int64_t> begin,
                                               int64_t rounds, const std::vector<at::Tensor>& windows,
                                               const ScoreOptions& options, JobContext& job);

}  // namespace vitrine
