// Results of compression plans as the window shows them: paired differences, the front of the best
// trade-offs, table and series of the plot.
#pragma once

#include "widgets/base/data_table.h"
#include "widgets/plots/chart.h"

#include <limits>

namespace vitrine {

struct PlanResult {
    static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

    QString runId, run;  // id and name
    QString plan;        // as the run names it
    QString method;      // what was done
    QString key;         // of the metric: only equal keys may be compared
    bool dense = false, control = false;
    bool best = false;    // its model was kept as the best
    bool folder = false;  // a model folder is there
    double bitsPerWeight = kUnknown;
    double bytes = kUnknown;  // of the compressed layers
    double natsPerToken = kUnknown, perplexity = kUnknown, bitsPerByte = kUnknown;
    double toDense = kUnknown, toRandom = kUnknown;  // paired: the same text, windows and run, nats per token
    double relativeError = kUnknown;                 // mean over layers
    double seconds = kUnknown;

    // Of encoders, whose loss is the squared difference of features relative to the dense encoder's.
    bool encoder = false;
    double featureError = kUnknown, featureCosine = kUnknown, summaryCosine = kUnknown;
    double accuracy = kUnknown, correspondence = kUnknown, meanIntersection = kUnknown;  // parts of 1
    double operations = kUnknown;  // of one picture, as a part of the dense encoder's
    QString controlPlan;           // the control of these structures; empty: that of the same pattern

    double loss() const { return encoder ? featureError : natsPerToken; }
};
using PlanResults = std::vector<PlanResult>;

enum class CostAxis { BitsPerWeight, Bytes, Operations };

// Keys of the metrics, the most frequent first.
QStringList metricKeys(const PlanResults& results);
// "WikiText-2 …" is long: number of windows and length stay readable. The first characters of each part.
QString shortKey(const QString& key);
// Fills toDense and toRandom from the dense row and the controls of the same run and key.
void pairDifferences(PlanResults& results);
// Numbers of the results that no other one with this key beats in both cost and loss, by rising cost.
std::vector<size_t> paretoFront(const PlanResults& results, const QString& key, CostAxis axis);

TableContent resultsTable(const PlanResults& results, const QString& key);
// Rows of the table: numbers of the results.
std::vector<size_t> resultsWith(const PlanResults& results, const QString& key);

struct ParetoPlot {
    std::vector<ChartSeries> series;
    std::vector<std::vector<size_t>> points;  // numbers of the results by series and point
};
// Plans of each run, the dense models, random controls and the front, each a series of its own; `chosen` (or
// -1) once more on top.
ParetoPlot paretoPlot(const PlanResults& results, const QString& key, CostAxis axis, int chosen);
QString costAxisTitle(CostAxis axis);
// Whether the results with this key are those of encoders: other columns, another loss, one axis more.
bool isOfEncoders(const PlanResults& results, const QString& key);
QString lossTitle(const PlanResults& results, const QString& key);

}  // namespace vitrine
