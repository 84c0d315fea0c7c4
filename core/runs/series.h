// Metric series of runs as plots need them: whole, thinned out to the width of a plot, or as a band over the
// seeds of one experiment.
#pragma once

#include "core/runs/run_store.h"

#include <string>
#include <vector>

namespace vitrine {

struct SeriesPoint {
    int64_t step = 0;
    double time = 0;   // seconds since 1970
    double value = 0;  // may be NaN
};

// Names of the metrics of a run.
Result<std::vector<std::string>> metricNames(const Project& project, const Run& run);
// Points with firstStep <= step <= lastStep, by step; empty if the run has no such metric.
Result<std::vector<SeriesPoint>> readSeries(const Project& project, const Run& run, const std::string& metric,
                                            int64_t firstStep = INT64_MIN, int64_t lastStep = INT64_MAX);

// At most `maxPoints` points that keep what a plot shows: of every bucket of equal width in steps the first,
// smallest, largest and last point stay, so that no spike is lost. NaN points are kept as gaps where they
// fill a bucket.
std::vector<SeriesPoint> decimate(const std::vector<SeriesPoint>& points, size_t maxPoints);

// Exponential smoothing with the bias of the start taken out (as TensorBoard's slider, 0 <= weight < 1).
std::vector<SeriesPoint> smooth(const std::vector<SeriesPoint>& points, double weight);

struct BandPoint {
    int64_t step = 0;
    double mean = 0;
    double standardDeviation = 0;  // of the sample (n - 1); 0 for one run
    double minimum = 0;
    double maximum = 0;
    int64_t count = 0;  // runs that have a finite value at this step
};
// Aggregates runs that differ in their seed, over the steps that any of them has. A run without a point at a
// step takes no part in it.
std::vector<BandPoint> seedBand(const std::vector<std::vector<SeriesPoint>>& runs);

}  // namespace vitrine
