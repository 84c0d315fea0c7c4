#include "widgets/compress/sparse_charts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vitrine {

QString shortLayerName(QString name) {
    return name.remove(QStringLiteral(".weight")).remove(QStringLiteral("transformer."));
}

std::vector<ChartSeries> scoreSeries(const SparseTrial& trial) {
    std::vector<ChartSeries> series;
    const auto add = [&](const QString& name, const std::vector<double>& counts, size_t color) {
        const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
        if (all <= 0)
            return;
        ChartSeries one;
        one.name = name;
        one.color = chartColor(color);
        const double width = (trial.high - trial.low) / double(counts.size());
        for (size_t bin = 0; bin < counts.size(); ++bin) {
            one.x.append(trial.low + (double(bin) + 0.5) * width);
            one.y.append(100 * counts[bin] / all);
        }
        series.push_back(std::move(one));
    };
    add(SparseView::tr("stay in use"), trial.inUse, 0);
    add(SparseView::tr("the others, before"), trial.before, 1);
    add(SparseView::tr("the others, after"), trial.after, 2);
    return series;
}

HeatMap exchangedMap(const SparseResults& results) {
    HeatMap map;
    map.rows = int(results.exchanged.size());
    map.columns = int(results.steps.size());
    map.high = 0.01;
    for (const std::vector<double>& row : results.exchanged)
        for (size_t exchange = 0; exchange < results.steps.size(); ++exchange) {
            map.values.push_back(exchange < row.size() ? row[exchange]
                                                       : std::numeric_limits<double>::quiet_NaN());
            if (exchange < row.size())
                map.high = std::max(map.high, row[exchange]);
        }
    for (const QString& layer : results.exchangedLayers)
        map.rowLabels.append(shortLayerName(layer));
    for (const qint64 step : results.steps)
        map.columnLabels.append(QString::number(step));
    map.title = SparseView::tr("New among the units in use, layer by layer");
    map.rowTitle = SparseView::tr("layer");
    map.columnTitle = SparseView::tr("step");
    map.valueTitle = SparseView::tr("part");
    return map;
}

std::vector<ChartSeries> densitySeries(const SparseResults& results) {
    ChartSeries used, wanted;
    used.name = SparseView::tr("in use");
    used.barWidth = 0.7;
    wanted.name = SparseView::tr("as the layout wants");
    wanted.line = false;
    wanted.points = true;
    wanted.color = chartColor(4);
    for (size_t layer = 0; layer < results.layers.size(); ++layer) {
        const SparseLayer& one = results.layers[layer];
        used.x.append(double(layer));
        used.y.append(100 * one.inUse / std::max(1.0, one.units));
        if (!std::isfinite(one.wanted))
            continue;
        wanted.x.append(double(layer));
        wanted.y.append(100 * one.wanted);
    }
    std::vector<ChartSeries> series;
    for (const ChartSeries* each : {&used, &wanted})
        if (!each->x.isEmpty())
            series.push_back(*each);
    return series;
}

std::vector<ChartSeries> costSeries(const SparseResults& results) {
    std::vector<ChartSeries> series;
    for (const SparseCurve& curve : results.curves) {
        if (curve.cost.isEmpty())
            continue;
        ChartSeries one;
        one.name = curve.name;
        one.x = curve.cost;
        for (const double share : curve.accuracy)
            one.y.append(100 * share);
        one.points = true;
        one.dashed = &curve != &results.curves.front();
        series.push_back(std::move(one));
    }
    return series;
}

}  // namespace vitrine
