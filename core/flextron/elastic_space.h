// What an elastic model may be cut to (Flextron, Cai et al. 2024): for every block one of several widths of
// the feed-forward part and one of several numbers of query heads, each a front part of what the sorted model
// has. Key/value heads stay, and so do equally many query heads of each of their groups. Nothing between
// blocks changes its width, so that no norm sees fewer channels.
#pragma once

#include "core/structured/slicer.h"

#include <vector>

namespace vitrine {

struct ElasticSpace {
    std::vector<double> neuronShares{1, 0.75, 0.5, 0.25};  // descending, the first is 1
    std::vector<double> headShares{1};

    // InvalidArgument: shares that do not descend from 1, shares of nothing, blocks without attention or
    // feed-forward part.
    Result<void> validate(const DecoderConfig& config) const;
    size_t choices() const { return neuronShares.size() + headShares.size(); }
};

struct BlockChoice {
    int64_t neurons = 0, heads = 0;  // index into the shares
    bool operator==(const BlockChoice&) const = default;
};
using ElasticChoice = std::vector<BlockChoice>;  // one for each block

// Rounded up to whole neurons, and to whole heads of each group.
int64_t neuronsOf(const DecoderConfig& config, int64_t block, double share);
int64_t headsPerGroupOf(const DecoderConfig& config, int64_t block, double share);

// (neurons) or (query heads · head width) of 1 and 0: the front part that a share keeps.
at::Tensor neuronMask(const DecoderConfig& config, int64_t block, double share);
at::Tensor headMask(const DecoderConfig& config, int64_t block, double share);

// Parameters of what can be cut: (depth, choices) of each share of neurons, then of heads where there is a
// choice (else 0). float32.
at::Tensor elasticParameters(const DecoderConfig& config, const ElasticSpace& space);
// Part of the elastic parameters that a choice keeps, in (0, 1].
double elasticShare(const DecoderConfig& config, const ElasticSpace& space, const ElasticChoice& choice);
ElasticChoice sameChoice(const DecoderConfig& config, BlockChoice choice);

// Cut out of the sorted model: its front parts.
Result<std::unique_ptr<LanguageModel>> cutModel(const LanguageModel& sorted, const ElasticSpace& space,
                                                const ElasticChoice& choice);

}  // namespace vitrine
