// What 2:4 sparsity gives on this machine: times of the packed product against the dense one, for the shapes
// of a model and several numbers of tokens. Measured, never derived.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"
#include "core/base/timing.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

namespace vitrine {

struct SparseSpeedRow {
    int64_t outputs = 0, inputs = 0, tokens = 0;
    double denseMs = 0, packedMs = 0;  // dense: the faster of the weights' type and float32
    double speedup() const { return packedMs > 0 ? denseMs / packedMs : 0; }
    Json json() const;
};

struct SparseSpeedOptions {
    std::vector<int64_t> tokens{1, 4, 16, 64, 256};  // rows of a product, each at least 1
    TimingOptions timing{.rounds = 5, .leastRuns = 1, .sampleMs = 1};
    at::ScalarType type = at::kFloat;  // of the weights
    at::Device device = at::kCPU;
};

// shapes: (outputs, inputs), inputs a multiple of 4; each is measured once. Cancelled between measurements.
Result<std::vector<SparseSpeedRow>> measureSparseSpeed(std::vector<std::pair<int64_t, int64_t>> shapes,
                                                       const SparseSpeedOptions& options, JobContext& job);

// "a gain in 7 of 20 measurements: 1.9 times the dense speed at best (256 tokens x 4096 x 4096), ..."
std::string sparseVerdict(const std::vector<SparseSpeedRow>& rows);

}  // namespace vitrine
