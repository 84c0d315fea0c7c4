#include "core/puzzle/batch_search.h"

#include "core/base/check.h"
#include "core/puzzle/architecture_parts.h"

namespace vitrine {
namespace {

bool isBetter(const BatchOutcome& a, const BatchOutcome& b) {
    if (!architecture::within(a.solution.score, b.solution.score))
        return false;
    if (!architecture::within(b.solution.score, a.solution.score))
        return true;
    if (a.tokensPerSecond != b.tokensPerSecond)
        return a.tokensPerSecond > b.tokensPerSecond;
    return a.use.batch > b.use.batch;
}

}  // namespace

Json BatchSearch::json() const {
    Json list = Json::array();
    for (size_t i = 0; i < outcomes.size(); ++i) {
        const BatchOutcome& outcome = outcomes[i];
        Json entry{{"batch", outcome.use.batch},
                   {"prompt", outcome.use.prompt},
                   {"generated", outcome.use.generated},
                   {"kept", outcome.found() && i == best}};
        if (outcome.found())
            entry.update({{"score", outcome.solution.score},
                          {"proven", outcome.solution.proven},
                          {"bytes", outcome.cost.bytes},
                          {"cache_bytes", outcome.cost.cacheBytes},
                          {"prompt_seconds", outcome.cost.promptSeconds},
                          {"token_seconds", outcome.cost.tokenSeconds},
                          {"tokens_per_second", outcome.tokensPerSecond}});
        else
            entry["problem"] = outcome.problem;
        list.push_back(std::move(entry));
    }
    return list;
}

Result<BatchSearch> searchBatches(const std::vector<std::vector<double>>& scores,
                                  const std::vector<ArchitectureCosts>& candidates,
                                  const ArchitectureLimits& limits, double seconds) {
    VITRINE_CHECK(!candidates.empty(), "a search needs a candidate");
    for (const ArchitectureCosts& costs : candidates)
        if (limits.ofTime() && !costs.timed())
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("a budget of time needs times; none were measured for {}", costs.use.text()),
                "budget", "Let a run of puzzle measure them: measure_times and the batches of its budgets");
    BatchSearch search;
    const BatchOutcome* best = nullptr;
    search.outcomes.reserve(candidates.size());
    std::string problems;
    for (const ArchitectureCosts& costs : candidates) {
        BatchOutcome& outcome = search.outcomes.emplace_back();
        outcome.use = costs.use;
        ArchitectureProblem problem = architectureProblem(scores, costs, limits);
        problem.seconds = seconds;
        auto solved = solveArchitecture(problem);
        if (!solved) {
            // Of a single one, and what no batch can mend, as the solver says it.
            if (candidates.size() == 1 || solved.error().code != ErrorCode::InvalidArgument)
                return fail(std::move(solved).error());
            outcome.problem = solved.error().message;
            problems +=
                fmt::format("{}{}: {}", problems.empty() ? "" : "; ", outcome.use.text(), outcome.problem);
            continue;
        }
        outcome.solution = std::move(*solved);
        outcome.cost = costs.ofPairs(outcome.solution.choice);
        outcome.tokensPerSecond = costs.tokensPerSecond(outcome.cost);
        if (!best || isBetter(outcome, *best)) {
            best = &outcome;
            search.best = search.outcomes.size() - 1;
        }
    }
    if (!best)
        return fail(ErrorCode::InvalidArgument, "no batch has an architecture within the budget: " + problems,
                    "budget",
                    "Raise that budget, name other batches, or add smaller variants to the library");
    return search;
}

}  // namespace vitrine
