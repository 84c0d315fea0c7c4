// Times of layers and networks on this machine (core/base/timing.h).
#pragma once

#include "core/base/job_context.h"
#include "core/base/timing.h"
#include "core/sparse_training/latency_table.h"

namespace vitrine {

struct LatencyMeasurement {
    int64_t batch = 64;  // pictures
    TimingOptions timing;
};

// Every layer that channels can be cut from, with the counts that groups of `group` channels lead to. Layers
// of equal shapes are measured once. Cancelled once the job is to stop.
Result<LatencyTable> measureLatencyTable(const ClassifierNetwork& network, int64_t group,
                                         const LatencyMeasurement& measurement, JobContext& job);

// A network's weights and buffers, whole or with channels cut out.
struct ClassifierTensors {
    TensorList weights, buffers;
};
// Milliseconds that each takes for a batch, with running statistics.
Result<std::vector<double>> measureForwardMs(const ClassifierNetwork& network,
                                             const std::vector<ClassifierTensors>& tensors,
                                             const LatencyMeasurement& measurement, JobContext& job);

}  // namespace vitrine
