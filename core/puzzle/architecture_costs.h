// What the parts of a library cost and budgets over them: all that a search needs beside the scores. No
// LibTorch here.
#pragma once

#include "core/base/json.h"
#include "core/puzzle/architecture_solver.h"

namespace vitrine {

// How a model is used: so many sequences at once, tokens of each.
struct UseProfile {
    int64_t batch = 1, prompt = 0, generated = 0;

    int64_t tokens() const { return prompt + generated; }
    std::string text() const;  // "32 sequences of 64 + 64 tokens"
    bool operator==(const UseProfile&) const = default;
};

struct PartCost {
    double parameters = 0, bytes = 0;  // bytes: weights and cache of the profile
    double cacheBytes = 0;             // keys and values among them; NaN: an earlier version kept no share
    double promptSeconds = 0;          // through the part, batch x prompt tokens; 0 where nothing was timed
    double tokenSeconds = 0;           // one more token for each sequence, with half of the cache filled

    double weightBytes() const { return bytes - cacheBytes; }
    PartCost& operator+=(const PartCost& other);
};

struct LayerCosts {
    std::vector<PartCost> attention, feedForward;
    int64_t window = 0;  // tokens that attention keeps at most; 0: all
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
    // Blocks of the parent that were taken out before there was a library (a chain), in order, one variant
    // each: no architecture has them, and the parent does.
    std::vector<LayerCosts> removed;
    PartCost outer;       // embedding, final norm and head
    UseProfile use;       // what they are reckoned and timed for; no prompt: an earlier version kept none
    int64_t context = 0;  // tokens that the model can see; 0: not known

    // All pairs of a layer in one row. `what` picks the cost: &PartCost::bytes.
    std::vector<std::vector<double>> pairs(double PartCost::*what) const;
    PartCost of(const std::vector<BlockChoice>& choices) const;
    // The same of pairs as a solver numbers them.
    PartCost ofPairs(const std::vector<int64_t>& pairs) const;
    std::vector<BlockChoice> choices(const std::vector<int64_t>& pairs) const;
    PartCost parent() const;
    bool timed() const;
    double tokensPerSecond(const PartCost& whole) const;  // of all sequences; 0: not timed

    // The same library in another use: memory = weights + cache, where the cache grows with sequences and
    // tokens (up to the window). Without times, as these are measured. Errors: more tokens than the context,
    // costs of an earlier version.
    Result<ArchitectureCosts> inUse(const UseProfile& other) const;

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

    bool ofTime() const { return promptSeconds > 0 || generateSeconds > 0 || tokensPerSecond > 0; }
};
// `scores`: of all pairs of each layer, smaller is better.
ArchitectureProblem architectureProblem(std::vector<std::vector<double>> scores,
                                        const ArchitectureCosts& costs, const ArchitectureLimits& limits);

}  // namespace vitrine
