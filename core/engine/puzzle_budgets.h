// The budgets that the job "puzzle" searches under.
#pragma once

#include "core/puzzle/variant_costs.h"

namespace vitrine {

struct PuzzleBudget {
    std::string name;  // "bytes 0.6, speed 1.5"
    ArchitectureLimits limits;
};

// Of the settings' "budgets", shares of what the parent costs: [{"parameters": 0.5}, {"bytes": 0.6, "speed":
// 1.5}]. InvalidArgument: one that limits nothing, limits of time without times, or that no architecture of
// the library meets.
Result<std::vector<PuzzleBudget>> puzzleBudgets(const Json& budgets, const BlockLibrary& library,
                                                const LibraryCosts& costs);

}  // namespace vitrine
