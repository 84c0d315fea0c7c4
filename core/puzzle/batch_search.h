// Memory and time depend on how many sequences run at once: an architecture is searched for each candidate
// and the best of them kept (Bercovich et al. 2024, section 4.3). More sequences fill more memory with keys
// and values and leave more time for a token: T_max = batch · generated tokens / throughput.
#pragma once

#include "core/puzzle/architecture_costs.h"

namespace vitrine {

struct BatchOutcome {
    UseProfile use;
    ArchitectureSolution solution;  // without a choice where there is none
    std::string problem;            // why there is none
    PartCost cost;                  // of the architecture in this use
    double tokensPerSecond = 0;     // 0: not timed

    bool found() const { return !solution.choice.empty(); }
};

struct BatchSearch {
    std::vector<BatchOutcome> outcomes;  // of all candidates, in their order
    size_t best = 0;

    // [{"batch", "prompt", "generated", "kept", "score", "proven", "bytes", "cache_bytes",
    // "prompt_seconds", "token_seconds", "tokens_per_second"}] or, of a batch without an architecture,
    // "problem" in the place of the last ones.
    Json json() const;
};

// The best has the least sum of scores; of equal ones the most tokens per second or, where nothing was timed,
// the most sequences. `limits` are plain numbers and the same for all; `seconds`: of the solver, for each.
// Errors: limits of time where a candidate was not timed; no architecture for any candidate (each is named,
// with its reason).
Result<BatchSearch> searchBatches(const std::vector<std::vector<double>>& scores,
                                  const std::vector<ArchitectureCosts>& candidates,
                                  const ArchitectureLimits& limits, double seconds = 60);

}  // namespace vitrine
