#include "widgets/runs/chart_data.h"

#include "widgets/runs/run_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace vitrine {
namespace {

double xOf(const SeriesPoint& point, ChartAxis axis, double firstTime) {
    switch (axis) {
        case ChartAxis::Step:
            return double(point.step);
        case ChartAxis::RelativeTime:
            return point.time - firstTime;
        default:
            return point.time;
    }
}

// Points inside the range and one neighbour on either side, so that lines run to the border.
std::vector<SeriesPoint> crop(std::vector<SeriesPoint> points, const ChartOptions& options,
                              double firstTime) {
    if (!options.range || points.empty())
        return points;
    const auto x = [&](const SeriesPoint& point) { return xOf(point, options.axis, firstTime); };
    auto begin = std::lower_bound(points.begin(), points.end(), options.range->first,
                                  [&](const SeriesPoint& point, double value) { return x(point) < value; });
    auto end = std::upper_bound(begin, points.end(), options.range->second,
                                [&](double value, const SeriesPoint& point) { return value < x(point); });
    if (begin != points.begin())
        --begin;
    if (end != points.end())
        ++end;
    return {begin, end};
}

double shownY(double y, const ChartOptions& options) {
    return !std::isfinite(y) || (options.logY && y <= 0) ? std::numeric_limits<double>::quiet_NaN() : y;
}

ChartLine runLine(const MetricSeries& series, const ChartOptions& options) {
    ChartLine line{series.run, series.label, series.color, {}, {}, {}, {}, 1, series.dashed};
    if (series.points->empty())
        return line;
    const double firstTime = series.timeOrigin > 0 ? series.timeOrigin : series.points->front().time;
    std::vector<SeriesPoint> points =
        options.smoothing > 0 ? smooth(*series.points, options.smoothing) : *series.points;
    points = decimate(crop(std::move(points), options, firstTime), options.maxPoints);
    for (const SeriesPoint& point : points) {
        const double x = xOf(point, options.axis, firstTime);
        if (options.logX && x <= 0)
            continue;
        line.x.append(x);
        line.y.append(shownY(point.value, options));
    }
    return line;
}

ChartLine bandLine(const std::vector<const MetricSeries*>& members, const ChartOptions& options) {
    ChartLine line{members[0]->run,
                   QString("%1  (%2 seeds)").arg(members[0]->seedGroup).arg(members.size()),
                   members[0]->color,
                   {},
                   {},
                   {},
                   {},
                   int(members.size())};
    std::vector<std::vector<SeriesPoint>> smoothed;
    smoothed.reserve(members.size());
    for (const MetricSeries* series : members)
        smoothed.push_back(options.smoothing > 0 ? smooth(*series->points, options.smoothing)
                                                 : *series->points);
    const std::vector<BandPoint> band = seedBand(smoothed);
    std::vector<SeriesPoint> means;
    means.reserve(band.size());
    for (const BandPoint& point : band)
        means.push_back({point.step, 0, point.mean});
    means = decimate(crop(std::move(means), options, 0), options.maxPoints);
    for (const SeriesPoint& point : means) {
        if (options.logX && point.step <= 0)
            continue;
        const auto at = std::lower_bound(band.begin(), band.end(), point.step,
                                         [](const BandPoint& a, int64_t step) { return a.step < step; });
        line.x.append(double(point.step));
        line.y.append(shownY(at->mean, options));
        line.high.append(shownY(at->mean + at->standardDeviation, options));
        const double low = at->mean - at->standardDeviation;
        // On a log axis a band that reaches zero ends at its smallest run.
        line.low.append(options.logY && low <= 0 ? shownY(at->minimum, options) : shownY(low, options));
    }
    return line;
}

}  // namespace

std::vector<ChartLine> chartLines(const std::vector<MetricSeries>& series, const ChartOptions& options) {
    std::map<QString, std::vector<const MetricSeries*>> groups;
    if (options.seedBands && options.axis == ChartAxis::Step)
        for (const MetricSeries& one : series)
            if (!one.seedGroup.isEmpty())
                groups[one.seedGroup].push_back(&one);
    std::vector<ChartLine> out;
    for (const MetricSeries& one : series) {
        const auto group = groups.find(one.seedGroup);
        if (group == groups.end() || group->second.size() < 2)
            out.push_back(runLine(one, options));
        else if (group->second.front() == &one)
            out.push_back(bandLine(group->second, options));
    }
    return out;
}

std::vector<ChartReading> readingsAt(const std::vector<ChartLine>& lines, double x, double reach) {
    std::vector<ChartReading> out;
    for (const ChartLine& line : lines) {
        const auto after = std::lower_bound(line.x.begin(), line.x.end(), x);
        qsizetype best = -1;
        for (const qsizetype candidate :
             {qsizetype(after - line.x.begin()) - 1, qsizetype(after - line.x.begin())})
            if (candidate >= 0 && candidate < line.x.size() && std::isfinite(line.y[candidate]) &&
                (best < 0 || std::abs(line.x[candidate] - x) < std::abs(line.x[best] - x)))
                best = candidate;
        if (best < 0 || std::abs(line.x[best] - x) > reach)
            continue;
        ChartReading reading{line.label, line.color, line.x[best], line.y[best], {}};
        if (line.isBand())
            reading.deviation = line.high[best] - line.y[best];
        out.push_back(reading);
    }
    return out;
}

QString chartCsv(const QString& metric, const std::vector<MetricSeries>& series) {
    QString out = "run,step,time," + csvField(metric) + '\n';
    for (const MetricSeries& one : series)
        for (const SeriesPoint& point : *one.points)
            out += QString("%1,%2,%3,%4\n")
                       .arg(csvField(one.label))
                       .arg(point.step)
                       .arg(point.time, 0, 'f', 3)
                       .arg(std::isfinite(point.value) ? QString::number(point.value, 'g', 17) : QString());
    return out;
}

}  // namespace vitrine
