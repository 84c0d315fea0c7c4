#include "core/sparse_training/score_spread.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kPowers = 6;

std::vector<int64_t> counts(const at::Tensor& scores, double low) {
    const at::Tensor place =
        (scores.to(at::kDouble).clamp_min(1e-300).log10() - low) * (kScoreBins / kPowers);
    const at::Tensor bins = place.floor().clamp(0, kScoreBins - 1).to(at::kLong);
    const at::Tensor sums = at::bincount(bins, {}, kScoreBins);
    return {sums.const_data_ptr<int64_t>(), sums.const_data_ptr<int64_t>() + kScoreBins};
}

double largest(const at::Tensor& scores) {
    return scores.defined() && scores.numel() > 0 ? scores.max().item<double>() : 0;
}

}  // namespace

ScoreSpread scoreSpread(const at::Tensor& inUse, const at::Tensor& before, const at::Tensor& after) {
    ScoreSpread spread;
    const double most = std::max({largest(inUse), largest(before), largest(after), 1e-30});
    spread.high = std::log10(most);
    spread.low = spread.high - kPowers;
    spread.inUse = counts(inUse, spread.low);
    if (before.defined())
        spread.before = counts(before, spread.low);
    spread.after = counts(after, spread.low);
    return spread;
}

}  // namespace vitrine
