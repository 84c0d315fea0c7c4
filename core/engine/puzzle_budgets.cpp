#include "core/engine/puzzle_budgets.h"

namespace vitrine {

Result<std::vector<PuzzleBudget>> puzzleBudgets(const Json& budgets, const BlockLibrary& library,
                                                const LibraryCosts& costs) {
    std::vector<PuzzleBudget> read;
    for (const Json& entry : budgets) {
        const BudgetShares shares = BudgetShares::of(entry);
        PuzzleBudget budget;
        budget.name = shares.name();
        if (budget.name.empty())
            return fail(ErrorCode::InvalidArgument, "a budget limits nothing", "settings/budgets",
                        "Give it parameters, bytes, prompt_time or speed");
        const auto limits = shares.limits(costs);
        if (!limits)
            return fail(limits.error().in("settings/budgets"));
        budget.limits = *limits;
        const auto solved = solveArchitecture(architectureProblem(library, costs, budget.limits));
        if (!solved)
            return fail(solved.error().in("settings/budgets/" + budget.name));
        read.push_back(std::move(budget));
    }
    return read;
}

}  // namespace vitrine
