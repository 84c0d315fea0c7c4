// What the model loses without a block, or without the attention or the feed-forward part of one: measured by
// taking it out (Siddiqui et al. 2024, "A deeper look at depth pruning of LLMs", section 3). Players are the
// blocks, or the 2·depth parts (2i attention, 2i+1 feed-forward of block i). All see the same windows.
#pragma once

#include "core/base/job_context.h"
#include "core/models/language/decoder.h"

#include <set>

namespace vitrine {

enum class Players { Blocks, Parts };

// Costs of sub-networks: the loss in nats per token, and the mean distance ‖logits - logits of all‖₂.
struct RemovalCosts {
    double fullLoss = 0;  // of the network that the players are taken out of
    at::Tensor loss,
        logits;  // (players), float64: with that player gone; NaN for those that are gone already

    // Influence: the cost without a player less the mean cost with it (-φ of the paper), (players).
    static at::Tensor influence(const at::Tensor& costs);
};

struct InfluenceOptions {
    Players players = Players::Blocks;
    std::set<int64_t> removed;  // players that are gone from the start (iterative pruning)
};

// Leave-one-out: one sub-network per player. Streams in front of each player are computed once.
Result<RemovalCosts> leaveOneOut(const Decoder& decoder, const std::vector<at::Tensor>& batches,
                                 const InfluenceOptions& options, JobContext& job);

// Shapley values from random subsets: `subsets` of ⌊share·players⌋ players for each batch, φ = mean cost of
// subsets with the player less that of subsets without, influence = -φ. `loss` and `logits` are influences.
// Noisier than leave-one-out, unbiased over interactions.
struct SubsetOptions {
    InfluenceOptions base;
    double share = 0.5;
    int64_t subsets = 10;
    uint64_t seed = 0;
};
Result<RemovalCosts> shapleyInfluence(const Decoder& decoder, const std::vector<at::Tensor>& batches,
                                      const SubsetOptions& options, JobContext& job);

enum class CostKind { Loss, Logits };
// The order in which players go, least cost first; after each removal all costs are measured anew.
Result<std::vector<int64_t>> iterativeOrder(const Decoder& decoder, const std::vector<at::Tensor>& batches,
                                            Players players, CostKind cost, int64_t count, JobContext& job);

// Mean loss in nats per token without `removed` players.
double lossWithout(const Decoder& decoder, const std::vector<at::Tensor>& batches, Players players,
                   const std::set<int64_t>& removed);

// Players by ascending influence: the first goes first.
std::vector<int64_t> removalOrder(const at::Tensor& influence);
// Kendall's τ-b and Spearman's ρ of two lists of the same length; NaN for fewer than two or constant values.
double kendallTau(const at::Tensor& a, const at::Tensor& b);
double spearmanRho(const at::Tensor& a, const at::Tensor& b);

}  // namespace vitrine
