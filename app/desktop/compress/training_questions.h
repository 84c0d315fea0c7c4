// What runs that train small classifiers (train-incremental, train-sparse) left for the Structures page, with
// the runs of the project that they may be compared with. Called on a service's thread.
#pragma once

#include "core/runs/run_store.h"
#include "widgets/compress/incremental_view.h"
#include "widgets/compress/sparse_view.h"

namespace vitrine {

// Chunks that are learnt so far, of a run at work too. Others: runs with the same pictures, chunks and seed.
Result<IncrementalResults> incrementalResults(const Project& project, const Run& run, const Json& recipe);
// Empty but for the curves while the run is at work. Others: runs of the same network, pictures and steps.
Result<SparseResults> sparseResults(const Project& project, const Run& run, const Json& recipe);

// A step that only one of them has becomes a gap in the other's line: there was no such picture.
void showGaps(ChartSeries& right, ChartSeries& wrong);
// What the reports say; exposed for tests. InvalidFile names what does not fit.
IncrementalChunk incrementalChunkOf(const Json& row);
Result<SparseResults> sparseOf(const Json& report);
SparseLatency sparseLatencyOf(const Json& times);  // latency.json

}  // namespace vitrine
