#include "core/engine/puzzle_budgets.h"

#include "core/base/check.h"
#include "core/puzzle/batch_search.h"

namespace vitrine {

Result<std::vector<PuzzleBudget>> puzzleBudgets(const Json& budgets, const BlockLibrary& library,
                                                const PuzzleCosts& costs) {
    std::vector<PuzzleBudget> read;
    for (const Json& entry : budgets) {
        const SearchBudget wanted = SearchBudget::of(entry);
        PuzzleBudget budget;
        budget.name = wanted.name();
        if (wanted.limitsNothing())
            return fail(ErrorCode::InvalidArgument, "a budget limits nothing", "settings/budgets",
                        kBudgetHint);
        const auto limits = wanted.limits(costs.measured);
        if (!limits)
            return fail(limits.error().in("settings/budgets"));
        budget.limits = *limits;
        std::vector<ArchitectureCosts> candidates;
        for (const UseProfile& use : wanted.uses(costs.measured.use)) {
            const LibraryCosts* known = costs.in(use);
            VITRINE_CHECK(known, "all uses of the budgets are reckoned before");
            candidates.push_back(*known);
        }
        const auto search = searchBatches(pairScores(library), candidates, budget.limits);
        if (!search)
            return fail(search.error().in("settings/budgets/" + budget.name));
        budget.batches = search->json();
        budget.costs = *costs.in(search->outcomes[search->best].use);
        read.push_back(std::move(budget));
    }
    return read;
}

}  // namespace vitrine
