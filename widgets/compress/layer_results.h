// What compression did to each layer: errors before and after a low-rank path, spectra of what the path
// repairs, and what any other rank would leave and cost.
#pragma once

#include "core/engine/compress_engine.h"
#include "widgets/base/data_table.h"
#include "widgets/plots/chart.h"

#include <limits>

namespace vitrine {

// How far groups that share a scale and inputs reach, in bins of half an octave below the largest.
struct LayerRanges {
    double group = 0;                     // inputs that share a scale
    double widest = 0, medianGroup = 0;   // largest magnitudes
    double loudest = 0, medianInput = 0;  // root mean squares
    std::vector<double> groups, inputs;   // how many in each bin
    std::vector<double> error;            // parts of the error in the groups of each bin
    bool known() const { return !groups.empty(); }
};

struct LayerResult {
    static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    QString name;
    double rows = 0, columns = 0;
    double kept = kUnknown;
    double error = kUnknown;          // relative to the layer's output, as saved
    double withoutPath = kUnknown;    // the same before the low-rank path
    double predicted = kUnknown;      // of the path
    double bitsPerWeight = kUnknown;  // path included
    double deadInputs = kUnknown, damping = kUnknown;
    LayerRanges ranges;  // of a low-bit plan
};

struct SpeedResult {
    double outputs = 0, inputs = 0, tokens = 0, denseMs = 0, packedMs = 0;
    double speedup() const { return packedMs > 0 ? denseMs / packedMs : 0; }
};

struct LayerResults {
    QString plan;
    QString format;  // low-bit format of the plan; empty: none
    std::vector<LayerResult> layers;
    std::vector<LayerSpectrum> spectra;  // empty: the plan has no low-rank path
    int64_t rank = 0;                    // of the plan; 0: no path
    std::vector<SpeedResult> speed;
    QString verdict;  // on 2:4 products here; empty: not measured

    const LayerResult* layer(const QString& name) const;
    const LayerSpectrum* spectrum(const QString& name) const;
    int64_t largestRank() const;
};

TableContent layersTable(const LayerResults& results);
// "3.q", "3.up": as many letters as tell layers apart on an axis.
QString shortLayerName(const QString& name);
std::vector<ChartSeries> errorBars(const LayerResults& results);
// Speed-up against tokens, one line for each shape, and the line of no gain.
std::vector<ChartSeries> speedSeries(const LayerResults& results);

// Squares of the singular values against their number, with the cut of `rank`.
std::vector<ChartSeries> spectrumSeries(const LayerSpectrum& spectrum, int64_t rank);
// Eigenvalues of the inputs, and the error's energy along their eigenvectors, each as parts of the whole.
std::vector<ChartSeries> energySeries(const LayerSpectrum& spectrum);

// Parts of groups, of the error and of inputs against how far they reach, 1 for the largest.
std::vector<ChartSeries> rangeSeries(const LayerRanges& ranges);
// "groups of 64: the widest reaches 6.1 times as far as the median; 1.2 % of them beyond half of it, with 9 %
// of the error · loudest input 14 times the median".
QString rangeText(const LayerRanges& ranges);

// Part of the error that a path of this rank leaves, 1 for rank 0; in the metric of the plan's method.
double leftOf(const LayerSpectrum& spectrum, int64_t rank);
// Error relative to the output, and bits a weight of a float32 path, of rank `rank` in one layer, or in the
// mean over all of them weighted by their size (an empty name).
struct RankCost {
    double error = LayerResult::kUnknown, extraBits = LayerResult::kUnknown;
};
RankCost rankCost(const LayerResults& results, const QString& layer, int64_t rank);
// Error against rank for the layer and the mean; as points: the plan's own rank and `rank`.
std::vector<ChartSeries> rankSeries(const LayerResults& results, const QString& layer, int64_t rank);

}  // namespace vitrine
