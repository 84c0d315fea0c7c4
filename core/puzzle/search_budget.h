// The budget of one search as a user writes it: shares of what the parent takes, or plain limits, and the use
// that they are for, with several numbers of sequences at once where the best is to be found.
#pragma once

#include "core/puzzle/architecture_costs.h"

namespace vitrine {

// What to do about one that limits nothing.
inline constexpr const char* kBudgetHint =
    "Give it parameters, bytes, prompt_time, speed, memory_mib, prompt_seconds, generate_seconds or "
    "tokens_per_second";

struct SearchBudget {
    // Shares of what the parent takes in the use that the library was measured for; 0: no limit.
    double parameters = 0, bytes = 0, promptTime = 0;
    double speed = 0;  // tokens per second, at least, times the parent's
    // The same as plain numbers; with a share as well, the tighter of the two counts.
    double memoryMib = 0;        // weights and cache
    double promptSeconds = 0;    // to the first token
    double generateSeconds = 0;  // for all generated tokens
    double tokensPerSecond = 0;  // of all sequences together, at least
    // Sequences at once, each tried; empty, and tokens of 0: as the library was measured.
    std::vector<int64_t> batches{};
    int64_t prompt = 0, generated = 0;

    // Of {"parameters", "bytes", "prompt_time", "speed", "memory_mib", "prompt_seconds", "generate_seconds",
    // "tokens_per_second", "batches", "prompt", "generated"}.
    static SearchBudget of(const Json& json);
    Json json() const;  // what is set
    bool limitsNothing() const;
    std::string name() const;  // "bytes 0.6, speed 1.5, batches 1 8 32"; empty: limits nothing
    // Every batch once, in the order given.
    std::vector<UseProfile> uses(const UseProfile& measured) const;
    // InvalidArgument: shares of time where nothing was timed.
    Result<ArchitectureLimits> limits(const ArchitectureCosts& measured) const;
};

}  // namespace vitrine
