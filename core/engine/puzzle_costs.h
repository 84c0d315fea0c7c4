// What the job "puzzle" reckons its architectures by: costs of the library in the use that shares of the
// parent are of (settings profile_*), and in the uses that budgets name.
#pragma once

#include "core/engine/puzzle_trunk.h"
#include "core/puzzle/search_budget.h"
#include "core/puzzle/variant_costs.h"
#include "core/runs/run_context.h"

namespace vitrine {

struct PuzzleCosts {
    LibraryCosts measured;
    std::vector<LibraryCosts> others;

    const LibraryCosts* in(const UseProfile& use) const;  // null: not reckoned
    Json json() const;                                    // {"costs", "other_costs"}
};

// `known`: what json() gave before the run was stopped, else null; times are measured once, and a resumed run
// searches with the same ones. Errors: a use that does not fit the context.
Result<PuzzleCosts> puzzleCosts(RunContext& run, const PuzzleTrunk& trunk, const BlockLibrary& library,
                                const Json& known);

}  // namespace vitrine
