// Which channels a network keeps so that it stays within a time: channels go in groups as large as the
// hardware's step, each group has an importance (that of its channels, the best ones first) and costs what
// the table says the layer takes with it. The groups are chosen by a knapsack: the most importance within the
// budget, a layer's n-th group only after its n - 1 better ones (HALP, Shen et al. 2022, arXiv 2210.06659).
#pragma once

#include "core/sparse_training/latency_table.h"

namespace vitrine {

struct LatencyOptions {
    double part = 0.5;   // of the dense network's time, as the table predicts it
    int64_t group = 8;   // channels that come and go together
    LatencyTable table;  // of the network's shapes
};

// A layer's channels that a choice is among: `kept` stay in any case, of the others the best enter.
struct LatencyCandidates {
    int64_t kept = 0;
    std::vector<double> scores;  // of the others, not negative, descending
};

// Layers are the network's channelGroups(), in order.
class LatencyBudget {
  public:
    // InvalidArgument: options, or a budget that even one group in each layer does not meet (says what it
    // takes). ShapeMismatch: a table of another network. Unsupported: a network without inner channels.
    static Result<LatencyBudget> create(const ClassifierNetwork& network, const LatencyOptions& options);

    // Counts that a layer may keep, ascending.
    const std::vector<int64_t>& steps(size_t layer) const { return steps_[layer]; }
    double part() const { return part_; }
    int64_t group() const { return group_; }
    double denseMs() const { return denseMs_; }
    double limitMs() const { return part_ * denseMs_; }
    // Of the whole network with so many channels in each layer, which must be among its steps.
    double predictedMs(const std::vector<int64_t>& channels) const;
    // The least it can take with at most so many in each layer.
    double leastMs(const std::vector<int64_t>& most) const;

    // The same part of all layers, the largest that takes at most `limitMs`; where none does, what takes
    // least.
    std::vector<int64_t> evenCounts(double limitMs) const;
    // How many channels each layer has then: the counts that give the largest sum of scores within `limitMs`,
    // exactly. The same for the same arguments.
    Result<std::vector<int64_t>> choose(const std::vector<LatencyCandidates>& layers, double limitMs) const;

  private:
    double cost(size_t layer, int64_t channels) const;

    double part_ = 1, denseMs_ = 0, outsideMs_ = 0;
    int64_t group_ = 1;
    std::vector<std::vector<int64_t>> steps_;  // of each layer
    std::vector<std::vector<double>> costs_;   // of each step: of all layers that it changes
};

}  // namespace vitrine
