// What the variants of a library cost at a deployment profile: bytes of weights and cache, and times measured
// on this machine, part by part. Costs of a model are their sums and those of what lies outside of the
// blocks.
#pragma once

#include "core/puzzle/architecture_solver.h"
#include "core/puzzle/block_library.h"
#include "core/structured/structure_cost.h"

namespace vitrine {

struct PartCost {
    double parameters = 0, bytes = 0;  // bytes: weights and cache of the profile
    double promptSeconds = 0;          // through the part, batch x prompt tokens; 0 where nothing was timed
    double tokenSeconds = 0;           // one more token for each sequence, with half of the cache filled
};

struct LayerCosts {
    std::vector<PartCost> attention, feedForward;
};

struct LibraryCosts {
    DeploymentProfile profile;
    std::vector<LayerCosts> layers;
    PartCost outer;  // embedding, final norm and head

    // All pairs of a layer in one row: index = attention · (number of feed-forward variants) + feedForward.
    // `what` picks the cost: &PartCost::bytes.
    std::vector<std::vector<double>> pairs(double PartCost::*what) const;
    PartCost of(const std::vector<BlockChoice>& choices) const;
    Json json() const;
};

// `timed`: measure times as well (median of several runs, equal settings once). Prompts and caches of the
// profile must fit the model's context.
Result<LibraryCosts> libraryCosts(const LanguageModel& parent, const BlockLibrary& library,
                                  const DeploymentProfile& profile, bool timed, JobContext& job);

// The search over a library: budgets for the whole model, of which what lies outside of blocks is taken off.
struct ArchitectureLimits {
    double parameters = 0, bytes = 0;  // at most; 0: no limit
    double promptSeconds = 0;          // time to the first token, at most; 0: no limit
    double generateSeconds = 0;        // for the profile's generated tokens, at most; 0: no limit
    double tokensPerSecond = 0;        // of all sequences together, at least; 0: no limit
};
ArchitectureProblem architectureProblem(const BlockLibrary& library, const LibraryCosts& costs,
                                        const ArchitectureLimits& limits);
std::vector<BlockChoice> choicesOf(const BlockLibrary& library, const std::vector<int64_t>& pairs);
std::vector<int64_t> pairsOf(const BlockLibrary& library, const std::vector<BlockChoice>& choices);

}  // namespace vitrine
