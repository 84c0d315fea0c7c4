// From metric series to the lines of a chart: x axis, smoothing, bands over seeds, thinning to the width of
// the plot, and the read-out under the mouse. No widgets, so that all of it can be tested.
#pragma once

#include "core/runs/series.h"

#include <QColor>
#include <QString>
#include <QVector>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace vitrine {

enum class ChartAxis {
    Step,
    RelativeTime,  // seconds since the series' first point
    WallTime       // seconds since 1970
};

// One metric of one run.
struct MetricSeries {
    int64_t run = 0;
    QString label;
    QString seedGroup;  // runs with the same text differ in their seed only
    QColor color;
    std::shared_ptr<const std::vector<SeriesPoint>> points;
    bool dashed = false;
    // Where RelativeTime begins; 0: at its own first point.
    double timeOrigin = 0;
};

// Something that happened while a run went on: a line across its charts.
struct ChartMark {
    int64_t step = 0;
    double time = 0;  // seconds since 1970
    QString text;     // "learning rate: 0.001 → 0.0005"
    QColor color;
};

struct ChartOptions {
    ChartAxis axis = ChartAxis::Step;
    double smoothing = 0;  // 0 <= weight < 1, see smooth()
    bool logX = false;     // points at x <= 0 are left out
    bool logY = false;     // points at y <= 0 become gaps
    bool seedBands =
        false;  // mean ± standard deviation in place of runs that differ in their seed (axis Step)
    size_t maxPoints = 2000;
    std::optional<std::pair<double, double>> range;  // of x; only what lies in it is kept
};

struct ChartLine {
    int64_t run = 0;  // the band's first run
    QString label;
    QColor color;
    QVector<double> x, y;       // y may be NaN: a gap
    QVector<double> low, high;  // mean ∓ standard deviation; empty unless a band
    int runs = 1;
    bool dashed = false;
    bool isBand() const { return !low.isEmpty(); }
};

std::vector<ChartLine> chartLines(const std::vector<MetricSeries>& series, const ChartOptions& options);

struct ChartReading {
    QString label;
    QColor color;
    double x = 0, y = 0;
    std::optional<double> deviation;  // standard deviation of a band
};
// The point of each line nearest to `x`; lines that have none within `reach` are left out.
std::vector<ChartReading> readingsAt(const std::vector<ChartLine>& lines, double x, double reach);

// All points of the series, unsmoothed: run,step,time,value.
QString chartCsv(const QString& metric, const std::vector<MetricSeries>& series);

}  // namespace vitrine
