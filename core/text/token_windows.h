// Windows of a token file: one after another for evaluation, at random places for training and calibration.
#pragma once

#include "core/text/token_file.h"

namespace vitrine {

// A part of a token file, in tokens.
struct TokenRange {
    int64_t first = 0, count = 0;
};

// The last `share` of the documents (of the tokens where there are fewer than 20 documents), and what is in
// front of it.
struct SplitRanges {
    TokenRange training, heldOut;
};
SplitRanges splitTail(const TokenFile& file, double share);

// Starts of non-overlapping windows of `length` tokens; what is left at the end is dropped. A range shorter
// than one window gives one window of what there is (windowLength).
std::vector<int64_t> windowStarts(TokenRange range, int64_t length);
int64_t windowLength(TokenRange range, int64_t length);

// Start of a window drawn evenly over all places of the range; a function of its arguments alone.
// The range must hold `length` tokens at least.
int64_t randomWindow(TokenRange range, int64_t length, uint64_t draw);

}  // namespace vitrine
