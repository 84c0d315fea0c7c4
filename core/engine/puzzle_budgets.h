// The budgets that the job "puzzle" searches under.
#pragma once

#include "core/engine/puzzle_costs.h"

namespace vitrine {

struct PuzzleBudget {
    std::string name;  // "bytes 0.6, speed 1.5"
    ArchitectureLimits limits;
    LibraryCosts costs;            // with the number of sequences that was found to be the best
    Json batches = Json::array();  // what the search found for each (BatchSearch::json)
};

// Of the settings' "budgets" (SearchBudget): [{"parameters": 0.5}, {"memory_mib": 40, "tokens_per_second":
// 900, "batches": [1, 8, 32]}]. InvalidArgument: one that limits nothing, limits of time without times, or
// that no architecture of the library meets.
Result<std::vector<PuzzleBudget>> puzzleBudgets(const Json& budgets, const BlockLibrary& library,
                                                const PuzzleCosts& costs);

}  // namespace vitrine
