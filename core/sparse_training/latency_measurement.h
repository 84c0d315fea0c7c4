// Times of layers and networks on this machine. Every number is a median over rounds in which everything that
// is timed takes its turn, so that what else the machine does meets all of it alike; in a round the fastest
// of at least three runs counts.
#pragma once

#include "core/base/job_context.h"
#include "core/sparse_training/latency_table.h"

#include <functional>

namespace vitrine {

struct LatencyMeasurement {
    int64_t batch = 64;   // pictures
    int rounds = 15;      // that the median is of
    double sampleMs = 2;  // that a work runs in a round at least
};

// Makes ready what one round times (its memory is free again after the round).
using PreparedWork = std::function<std::function<void()>()>;

// Milliseconds of each, warmed up once in every round. Cancelled once the job is to stop.
Result<std::vector<double>> medianMs(const std::vector<PreparedWork>& works,
                                     const LatencyMeasurement& measurement, JobContext& job);

// Every layer that channels can be cut from, with the counts that groups of `group` channels lead to. Layers
// of equal shapes are measured once.
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
