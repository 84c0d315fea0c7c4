// What the parts of a library cost and budgets over them: all that a search needs beside the scores. No
// LibTorch here.
#pragma once

#include "core/base/json.h"
#include "core/puzzle/architecture_solver.h"

namespace vitrine {

struct PartCost {
    double parameters = 0, bytes = 0;  // bytes: weights and cache of the profile
    double promptSeconds = 0;          // through the part, batch x prompt tokens; 0 where nothing was timed
    double tokenSeconds = 0;           // one more token for each sequence, with half of the cache filled

    PartCost& operator+=(const PartCost& other);
};

struct LayerCosts {
    std::vector<PartCost> attention, feedForward;
};

// One choice for each layer: numbers of variants. A solver numbers pairs: attention · (number of feed-forward
// variants) + feedForward.
struct BlockChoice {
    int64_t attention = 0, feedForward = 0;
    bool operator==(const BlockChoice&) const = default;
};
inline BlockChoice choiceOf(int64_t pair, size_t feedForwardVariants) {
    return {pair / int64_t(feedForwardVariants), pair % int64_t(feedForwardVariants)};
}

struct ArchitectureCosts {
    std::vector<LayerCosts> layers;
    PartCost outer;                    // embedding, final norm and head
    int64_t batch = 1, generated = 0;  // of the deployment profile: sequences, tokens of each

    // All pairs of a layer in one row. `what` picks the cost: &PartCost::bytes.
    std::vector<std::vector<double>> pairs(double PartCost::*what) const;
    PartCost of(const std::vector<BlockChoice>& choices) const;
    PartCost parent() const { return of(std::vector<BlockChoice>(layers.size())); }
    bool timed() const;

    Json json() const;
    // InvalidFile, of `where`.
    static Result<ArchitectureCosts> read(const Json& json, const std::string& where);
};

// Budgets for the whole model, of which what lies outside of blocks is taken off.
struct ArchitectureLimits {
    double parameters = 0, bytes = 0;  // at most; 0: no limit
    double promptSeconds = 0;          // time to the first token, at most; 0: no limit
    double generateSeconds = 0;        // for the profile's generated tokens, at most; 0: no limit
    double tokensPerSecond = 0;        // of all sequences together, at least; 0: no limit
};
// `scores`: of all pairs of each layer, smaller is better.
ArchitectureProblem architectureProblem(std::vector<std::vector<double>> scores,
                                        const ArchitectureCosts& costs, const ArchitectureLimits& limits);

// Budgets as shares of what the parent costs; 0: no limit.
struct BudgetShares {
    double parameters = 0, bytes = 0, promptTime = 0;
    double speed = 0;  // tokens per second, at least

    // Of {"parameters", "bytes", "prompt_time", "speed"}.
    static BudgetShares of(const Json& json);
    std::string name() const;  // "bytes 0.6, speed 1.5"; empty: limits nothing
    // InvalidArgument: limits of time where nothing was timed.
    Result<ArchitectureLimits> limits(const ArchitectureCosts& costs) const;
};

}  // namespace vitrine
