#include "core/runs/series.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace vitrine {

Result<std::vector<std::string>> metricNames(const Project& project, const Run& run) {
    VITRINE_TRY(Statement rows,
                project.database().prepare("SELECT k.name FROM series s JOIN keys k ON k.id=s.key "
                                           "WHERE s.run=? ORDER BY k.name"));
    rows.bindAll(run.number);
    std::vector<std::string> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.push_back(rows.text(0));
    }
}

Result<std::vector<SeriesPoint>> readSeries(const Project& project, const Run& run, const std::string& metric,
                                            int64_t firstStep, int64_t lastStep) {
    VITRINE_TRY(
        const SqlValue series,
        project.database().scalar("SELECT s.id FROM series s JOIN keys k ON k.id=s.key WHERE s.run=? AND "
                                  "k.kind='metric' AND k.name=?",
                                  run.number, metric));
    std::vector<SeriesPoint> out;
    if (std::holds_alternative<std::monostate>(series))
        return out;
    VITRINE_TRY(Statement rows,
                project.database().prepare("SELECT step, time, value FROM points WHERE series=? AND "
                                           "step BETWEEN ? AND ? ORDER BY step"));
    rows.bindAll(integerOr(series, 0), firstStep, lastStep);
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.push_back({rows.integer(0), rows.real(1), rows.real(2)});
    }
}

std::vector<SeriesPoint> decimate(const std::vector<SeriesPoint>& points, size_t maxPoints) {
    if (points.size() <= maxPoints || maxPoints == 0)
        return points;
    // Four points a bucket, and the bucket borders by step: uneven logging must not stretch the plot.
    const size_t buckets = std::max<size_t>(1, maxPoints / 4);
    const double first = double(points.front().step);
    const double width = (double(points.back().step) - first) / double(buckets);
    std::vector<SeriesPoint> out;
    for (size_t begin = 0; begin < points.size();) {
        const auto bucketOf = [&](size_t i) {
            return std::min(buckets - 1, size_t((double(points[i].step) - first) / std::max(width, 1e-300)));
        };
        const size_t bucket = bucketOf(begin);
        size_t end = begin;
        size_t low = begin;
        size_t high = begin;
        for (; end < points.size() && bucketOf(end) == bucket; ++end) {
            if (!(points[low].value <= points[end].value) && !std::isnan(points[end].value))
                low = end;
            if (!(points[high].value >= points[end].value) && !std::isnan(points[end].value))
                high = end;
        }
        for (const size_t i : std::set<size_t>{begin, low, high, end - 1})
            out.push_back(points[i]);
        begin = end;
    }
    if (out.size() > maxPoints)  // fewer than four may be asked for
        out.resize(maxPoints);
    return out;
}

std::vector<SeriesPoint> smooth(const std::vector<SeriesPoint>& points, double weight) {
    std::vector<SeriesPoint> out = points;
    double sum = 0;
    double norm = 0;
    for (SeriesPoint& point : out) {
        if (!std::isfinite(point.value))
            continue;
        sum = weight * sum + (1 - weight) * point.value;
        norm = weight * norm + (1 - weight);
        point.value = sum / norm;
    }
    return out;
}

std::vector<BandPoint> seedBand(const std::vector<std::vector<SeriesPoint>>& runs) {
    std::map<int64_t, std::vector<double>> bySteps;
    for (const auto& run : runs)
        for (const SeriesPoint& point : run)
            if (std::isfinite(point.value))
                bySteps[point.step].push_back(point.value);
    std::vector<BandPoint> out;
    for (const auto& [step, values] : bySteps) {
        BandPoint band{step, 0, 0, values[0], values[0], int64_t(values.size())};
        for (const double value : values) {
            band.mean += value / double(values.size());
            band.minimum = std::min(band.minimum, value);
            band.maximum = std::max(band.maximum, value);
        }
        double squares = 0;
        for (const double value : values)
            squares += (value - band.mean) * (value - band.mean);
        if (values.size() > 1)
            band.standardDeviation = std::sqrt(squares / double(values.size() - 1));
        out.push_back(band);
    }
    return out;
}

}  // namespace vitrine
