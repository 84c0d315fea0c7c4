#include "core/engine/puzzle_budgets.h"

namespace vitrine {

Result<std::vector<PuzzleBudget>> puzzleBudgets(const Json& budgets, const BlockLibrary& library,
                                                const LibraryCosts& costs) {
    const PartCost whole = costs.of(std::vector<BlockChoice>(size_t(library.depth())));
    std::vector<PuzzleBudget> read;
    for (const Json& entry : budgets) {
        PuzzleBudget budget;
        const auto share = [&](const char* key, double of, double& limit) {
            const double value = entry.value(key, 0.0);
            if (value <= 0)
                return;
            limit = value * of;
            budget.name += fmt::format("{}{} {:g}", budget.name.empty() ? "" : ", ", key, value);
        };
        share("parameters", whole.parameters, budget.limits.parameters);
        share("bytes", whole.bytes, budget.limits.bytes);
        share("prompt_time", whole.promptSeconds, budget.limits.promptSeconds);
        const double perSecond =
            whole.tokenSeconds > 0 ? double(costs.profile.batch) / whole.tokenSeconds : 0;
        share("speed", perSecond, budget.limits.tokensPerSecond);
        if ((entry.value("prompt_time", 0.0) > 0 || entry.value("speed", 0.0) > 0) && perSecond == 0)
            return fail(ErrorCode::InvalidArgument, "a budget of time needs times",
                        "settings/budgets/" + budget.name, "Set measure_times");
        if (budget.name.empty())
            return fail(ErrorCode::InvalidArgument, "a budget limits nothing", "settings/budgets",
                        "Give it parameters, bytes, prompt_time or speed");
        const auto solved = solveArchitecture(architectureProblem(library, costs, budget.limits));
        if (!solved)
            return fail(solved.error().in("settings/budgets/" + budget.name));
        read.push_back(std::move(budget));
    }
    return read;
}

}  // namespace vitrine
