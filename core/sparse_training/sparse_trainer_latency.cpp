// Which channels a SparseTrainer keeps within a time.
#include "core/distill/random_stream.h"
#include "core/sparse_training/sparse_trainer.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// The channels of `eligible` by their scores; `kept` others stay in any case.
LatencyCandidates candidatesOf(const at::Tensor& scores, const at::Tensor& eligible, int64_t kept) {
    const at::Tensor sorted =
        std::get<0>(scores.masked_select(eligible).to(at::kDouble).sort(-1, true)).contiguous();
    const double* const first = sorted.const_data_ptr<double>();
    return {kept, {first, first + sorted.numel()}};
}

}  // namespace

// Random channels, the same part of each layer; what that leaves of the time goes to further ones by the same
// draw.
Result<void> SparseTrainer::beginWithinLatency() {
    const auto random = randomStream(options_.seed, 0, "first structure");
    const std::vector<int64_t> even = latency_->evenCounts(latency_->limitMs());
    std::vector<at::Tensor> draws;
    std::vector<LatencyCandidates> candidates;
    for (size_t index = 0; index < structure_.layers().size(); ++index) {
        draws.push_back(at::rand({structure_.layers()[index].unitCount()}, random, at::TensorOptions()));
        const at::Tensor rest = std::get<0>(draws.back().sort(-1, true)).slice(0, even[index]);
        candidates.push_back(candidatesOf(rest, at::ones_like(rest, at::kBool), even[index]));
    }
    VITRINE_TRY(const auto counts, latency_->choose(candidates, latency_->limitMs()));
    structure_.keepBest(draws, counts);
    return {};
}

Result<std::vector<int64_t>> SparseTrainer::leavingForLatency(const std::vector<at::Tensor>& found) const {
    std::vector<int64_t> counts = structure_.activeCounts();
    const double now = latency_->predictedMs(counts), least = latency_->leastMs(counts);
    std::vector<LatencyCandidates> candidates;
    for (size_t index = 0; index < counts.size(); ++index)
        candidates.push_back(candidatesOf(found[index], structure_.layers()[index].active, 0));
    VITRINE_TRY(const auto stay, latency_->choose(candidates, now - exchanged_ * (now - least)));
    for (size_t index = 0; index < counts.size(); ++index)
        counts[index] -= stay[index];
    return counts;
}

Result<std::vector<int64_t>> SparseTrainer::enteringForLatency(const std::vector<at::Tensor>& found) const {
    const std::vector<int64_t> counts = structure_.activeCounts();
    std::vector<LatencyCandidates> candidates;
    for (size_t index = 0; index < counts.size(); ++index)
        candidates.push_back(
            candidatesOf(found[index], structure_.layers()[index].active.logical_not(), counts[index]));
    VITRINE_TRY(auto entering, latency_->choose(candidates, latency_->limitMs()));
    for (size_t index = 0; index < counts.size(); ++index)
        entering[index] -= counts[index];
    return entering;
}

// From the dense network's time to the budget, as keepLargest goes from one density to another.
Result<std::vector<int64_t>> SparseTrainer::largestForLatency(const std::vector<at::Tensor>& found,
                                                              double progress) const {
    const std::vector<int64_t> counts = structure_.activeCounts();
    const double left = std::pow(1 - progress, 3);
    const double limit = latency_->limitMs() + left * (latency_->denseMs() - latency_->limitMs());
    std::vector<LatencyCandidates> candidates;
    for (size_t index = 0; index < counts.size(); ++index)
        candidates.push_back(candidatesOf(found[index], structure_.layers()[index].active, 0));
    return latency_->choose(candidates, limit);
}

}  // namespace vitrine
