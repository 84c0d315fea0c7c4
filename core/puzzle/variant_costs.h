// What the variants of a library cost at a deployment profile: bytes of weights and cache, and times measured
// on this machine, part by part. Costs of a model are their sums and those of what lies outside of the
// blocks.
#pragma once

#include "core/puzzle/architecture_costs.h"
#include "core/puzzle/block_library.h"
#include "core/structured/structure_cost.h"

namespace vitrine {

struct LibraryCosts : ArchitectureCosts {
    DeploymentProfile profile;
};

// `timed`: measure times as well (median of several runs, equal settings once). Prompts and caches of the
// profile must fit the model's context. `removed`: blocks that were taken out of the parent before there was
// a library, for ArchitectureCosts::removed.
Result<LibraryCosts> libraryCosts(const LanguageModel& parent, const BlockLibrary& library,
                                  const DeploymentProfile& profile, bool timed, JobContext& job,
                                  const std::vector<LayerSettings>& removed = {});

// Scores of all pairs of each layer, in one row each.
std::vector<std::vector<double>> pairScores(const BlockLibrary& library);
// The search over a library.
ArchitectureProblem architectureProblem(const BlockLibrary& library, const LibraryCosts& costs,
                                        const ArchitectureLimits& limits);
// Over the pairs that were taught together alone, with their own scores, and the parent's blocks: the second,
// smaller space of coupled distillation.
ArchitectureProblem pairProblem(const BlockLibrary& library, const LibraryCosts& costs,
                                const ArchitectureLimits& limits);
std::vector<BlockChoice> choicesOf(const BlockLibrary& library, const std::vector<int64_t>& pairs);
std::vector<int64_t> pairsOf(const BlockLibrary& library, const std::vector<BlockChoice>& choices);

}  // namespace vitrine
