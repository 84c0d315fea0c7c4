// How long the layers of a network take by the channels they read and give: the lookup table T_l(c_in, c_out)
// of HALP (Shen et al. 2022, Structural Pruning via Latency-Saliency Knapsack, arXiv 2210.06659). Times are
// milliseconds for one batch.
#pragma once

#include "core/base/json.h"
#include "core/image_training/classifier_network.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine {

// Channels that a layer of so many may keep: one group, two groups, ..., all (the last group may be smaller).
// Ascending; `group` >= 1.
std::vector<int64_t> channelSteps(int64_t channels, int64_t group);

// A layer is a convolution or linear map with the norm and the activation that follow it.
struct LayerLatency {
    std::string layer;                     // its weight: "layer1.0.conv1.weight"
    std::vector<int64_t> shape;            // of the whole weight
    int64_t places = 1;                    // values of one output channel for one picture
    std::vector<int64_t> inputs, outputs;  // channel counts, ascending
    std::vector<std::vector<double>> ms;   // [inputs][outputs]

    // Nothing for counts that are not in the table.
    std::optional<double> at(int64_t inputCount, int64_t outputCount) const;
};

struct LatencyTable {
    int64_t batch = 1;     // pictures
    int64_t threads = 0;   // that computed; 0: not known
    double outsideMs = 0;  // what the whole network takes beyond its layers here; negative where layers in a
                           // row are faster than each alone
    std::vector<LayerLatency> layers;

    const LayerLatency* find(const std::string& layer) const;  // null: not in the table
    // {"format", "batch", "threads", "outside_ms", "layers": [{"layer", "shape", "places", "inputs",
    // "outputs", "ms"}]}
    Json json() const;
    std::string fingerprint() const;  // SHA-256 of json()
    // What json() gave. InvalidFile names what is missing or of another shape; `where`: path of the file.
    static Result<LatencyTable> fromJson(const Json& json, const std::string& where);
    // ShapeMismatch names the layer of `network` that is missing, has another shape, or has no time for a
    // count that groups of `group` channels lead to.
    Result<void> checkFits(const ClassifierNetwork& network, int64_t group) const;
};

// The layers that channels of `network` can be cut from, with the counts that are possible; every time 0.
std::vector<LayerLatency> latencyLayers(const ClassifierNetwork& network, int64_t group);

}  // namespace vitrine
