// Latency tables for tests: times that a formula gives.
#pragma once

#include "core/sparse_training/latency_budget.h"

#include <cmath>

namespace vitrine::testing {

// `ms` of a layer's whole weight and its counts of input and output channels.
template <typename Formula>
LatencyTable tableOf(const ClassifierNetwork& network, int64_t group, double outsideMs, Formula ms) {
    LatencyTable table;
    table.batch = 16;
    table.threads = 1;
    table.outsideMs = outsideMs;
    table.layers = latencyLayers(network, group);
    for (LayerLatency& layer : table.layers)
        for (size_t row = 0; row < layer.inputs.size(); ++row)
            for (size_t column = 0; column < layer.outputs.size(); ++column)
                layer.ms[row][column] = ms(layer, layer.inputs[row], layer.outputs[column]);
    return table;
}

// Like a vector unit: multiplications in steps of 4 channels, and what every call costs.
inline LatencyTable steppedTable(const ClassifierNetwork& network, int64_t group) {
    return tableOf(network, group, 0.03, [](const LayerLatency& layer, int64_t inputs, int64_t outputs) {
        return 0.005 + 1e-5 * double(layer.places) * double(inputs) * std::ceil(double(outputs) / 4);
    });
}

}  // namespace vitrine::testing
