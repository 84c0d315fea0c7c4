// Compresses a model block by block (sequential propagation): the statistics of block i come from activations
// that went through the compressed blocks before it; then its layers are compressed, it runs again, and its
// new outputs go on. Memory beyond the model: one block's statistics, one layer's work space, and the streams
// of the calibration batches.
#pragma once

#include "core/base/job_context.h"
#include "core/compress/block_model.h"
#include "core/compress/layer_compressor.h"

#include <functional>

namespace vitrine {

struct DriverReport {
    int64_t tokens = 0;  // calibrated, per layer
    double calibrationSeconds = 0, compressionSeconds = 0, rerunSeconds = 0;
    int64_t largestStatisticsBytes = 0;  // of any one block, what the statement on memory rests on
};

// What cannot work, said before anything is computed: the plan's own errors, layers whose inputs do not fall
// into groups, ranks larger than a layer. Errors name the layer.
Result<void> checkPlan(const BlockModel& model, const CompressionPlan& plan);

// Gets each layer when it is done, in order; the model already has the new weight. An error ends the run.
using LayerSink = std::function<Result<void>(CompressedLayer&& layer)>;

// The model's weights get new storage one after another. Errors name the layer (and calibration batch); the
// blocks before it stay compressed, so the caller discards the model. Cancelled between steps.
Result<DriverReport> compressModel(BlockModel& model, const CompressionPlan& plan, JobContext& job,
                                   const LayerSink& sink);

}  // namespace vitrine
