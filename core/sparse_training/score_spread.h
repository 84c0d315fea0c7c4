// How the scores of units lie, those in use beside those on trial: whether a trial lets what was out catch up
// (arXiv 2502.03658, "enhanced saliency").
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace vitrine {

// Units counted by the power of ten of their score: kScoreBins of equal width between 10^low and 10^high.
// Smaller scores, zeros among them, are in the first.
inline constexpr int kScoreBins = 30;
struct ScoreSpread {
    double low = 0, high = 0;
    std::vector<int64_t> inUse;   // units that stay in use
    std::vector<int64_t> before;  // the others as they went into the trial; empty: they had no score then
    std::vector<int64_t> after;   // the others as they came out of it
};

// Scores are not negative. The largest of all gives `high`, `low` lies six powers of ten below.
ScoreSpread scoreSpread(const at::Tensor& inUse, const at::Tensor& before, const at::Tensor& after);

}  // namespace vitrine
