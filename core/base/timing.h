// Times of pieces of work on this machine. Every number is a median over rounds in which every piece takes
// its turn, so that what else the machine does meets all of them alike; in a round the fastest run counts,
// for other programs only ever slow one down.
#pragma once

#include "core/base/result.h"

#include <functional>
#include <vector>

namespace vitrine {

struct TimingOptions {
    int rounds = 15;      // that the median is of
    int leastRuns = 3;    // of a piece in a round, after one that does not count
    double sampleMs = 2;  // that these take together at least
};

// Makes ready what one round times (its memory is free again after the round).
using PreparedWork = std::function<std::function<void()>()>;

// Milliseconds of one run of each. `before` is called before a piece takes its turn; its failure ends all.
Result<std::vector<double>> medianMs(const std::vector<PreparedWork>& works, const TimingOptions& options,
                                     const std::function<Result<void>()>& before);

}  // namespace vitrine
