// Histograms and samples of features over many pictures without holding them. (Mean, covariance and higher
// moments: core/distill/feature_moments.h.)
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

namespace vitrine {

// Counts of one channel's values in equal bins over [low, high]; values outside are counted apart.
struct ChannelHistogram {
    double low = 0, high = 1;
    std::vector<int64_t> counts;
    int64_t below = 0, above = 0;
};
// features (C, ...); low = high: the channel's own range.
Result<ChannelHistogram> channelHistogram(const at::Tensor& features, int64_t channel, int64_t bins,
                                          double low = 0, double high = 0);

// Priority of the item with this number in a stream: SplitMix64's mixing (Steele, Lea, Flood 2014) of both
// numbers.
uint64_t streamPriority(uint64_t seed, uint64_t number);

// A uniform sample of at most `capacity` tokens out of a stream: every token seen has the same chance to be
// kept. A token's priority is a hash of (seed, its number in the stream) and the smallest priorities are kept
// (bottom-k sampling, Cohen and Kaplan 2007), so that samples of several streams can be joined. Same seed and
// order: same sample, however the stream was cut into batches. Feeds fitPca over many pictures.
class TokenReservoir {
  public:
    TokenReservoir(int64_t capacity, uint64_t seed) : capacity_(capacity), seed_(seed) {}

    // tokens (N, C).
    Result<void> add(const at::Tensor& tokens);
    // Joins the sample of another stream, which must have had a seed of its own; the result is a uniform
    // sample of both. InvalidArgument for equal seeds or different capacities, ShapeMismatch for other
    // channels.
    Result<void> merge(const TokenReservoir& other);
    int64_t seen() const { return seen_; }
    // (min(seen, capacity), C) float32, a copy; undefined before the first token.
    at::Tensor sample() const;

    // All of it as named tensors ("seen", "seed", "capacity", "priorities", "kept"), to go on later exactly.
    std::map<std::string, at::Tensor> state() const;
    static Result<TokenReservoir> fromState(const std::map<std::string, at::Tensor>& state);

  private:
    struct Kept {
        uint64_t priority;
        int64_t row;
        bool operator<(const Kept& other) const { return priority < other.priority; }
    };
    void offer(uint64_t priority, const at::Tensor& rows, int64_t row);

    int64_t capacity_;
    uint64_t seed_;
    int64_t seen_ = 0;
    std::vector<Kept> heap_;  // largest priority first
    at::Tensor kept_;         // (>= heap size, C) float32
};

}  // namespace vitrine
