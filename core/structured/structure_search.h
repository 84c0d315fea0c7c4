// Minitron's lightweight search: sizes from a grid under a budget, the largest few of them, each scored as
// cut and again after a short distillation, since rankings flip (Muralidharan et al. 2024, section 2.4).
#pragma once

#include "core/structured/slicer.h"
#include "core/structured/structure_cost.h"

namespace vitrine {

// Values to try for each axis; empty: the model's own.
struct SearchGrid {
    std::vector<int64_t> widths, heads, intermediates, depths;
};

struct SearchBudget {
    int64_t parameters = 0;  // at most; 0: no limit
    double bytes = 0;        // weights and cache at the profile, at most; 0: no limit
    // Candidates of the search are not smaller than this share of the budget they come nearest to.
    double leastShare = 0.9;
    DeploymentProfile profile;
};

struct SearchCandidate {
    StructureSizes sizes;
    StructureCost cost;
};

// Of models whose layers are alike: the candidates within the budget, largest first, at most `count`.
// InvalidArgument where none fits (names the smallest and which limit it breaks), for sizes above the model's
// and heads that do not fit the key/value heads.
Result<std::vector<SearchCandidate>> searchCandidates(const DecoderConfig& config, const SearchGrid& grid,
                                                      const SearchBudget& budget, int64_t count);

// Pairs whose order by `before` is not that by `after`.
int64_t rankFlips(const std::vector<double>& before, const std::vector<double>& after);

}  // namespace vitrine
