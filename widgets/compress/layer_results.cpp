#include "widgets/compress/layer_results.h"

#include <QCoreApplication>
#include <QMap>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.28;
constexpr double kPathBits = 32;     // of a factor
constexpr double kSmallest = 1e-12;  // part of the whole: below is rounding
constexpr int64_t kRankPoints = 96;

QString tr(const char* text) {
    return QCoreApplication::translate("LayerResults", text);
}

QVariant cell(double value) {
    return std::isfinite(value) ? QVariant(value) : QVariant();
}

// Positive parts of the whole against their number from 1.
ChartSeries partsOf(const QString& name, const std::vector<double>& values, const QColor& color) {
    ChartSeries series;
    series.name = name;
    series.color = color;
    const double total = std::accumulate(values.begin(), values.end(), 0.0);
    for (size_t index = 0; index < values.size(); ++index)
        if (total > 0 && values[index] / total > kSmallest) {
            series.x.append(double(index + 1));
            series.y.append(values[index] / total);
        }
    return series;
}

ChartSeries point(const QString& name, double x, double y, const QColor& color) {
    ChartSeries series;
    series.name = name;
    series.color = color;
    series.line = false;
    series.points = true;
    series.x.append(x);
    series.y.append(y);
    return series;
}

}  // namespace

const LayerResult* LayerResults::layer(const QString& name) const {
    const auto found =
        std::find_if(layers.begin(), layers.end(), [&](const auto& each) { return each.name == name; });
    return found == layers.end() ? nullptr : &*found;
}

const LayerSpectrum* LayerResults::spectrum(const QString& name) const {
    const auto found = std::find_if(spectra.begin(), spectra.end(),
                                    [&](const auto& each) { return each.layer == name.toStdString(); });
    return found == spectra.end() ? nullptr : &*found;
}

int64_t LayerResults::largestRank() const {
    size_t most = 0;
    for (const LayerSpectrum& each : spectra)
        most = std::max(most, each.singularValues.size());
    return int64_t(most);
}

TableContent layersTable(const LayerResults& results) {
    TableContent content;
    content.significant = 4;
    content.header = {tr("layer"), tr("error"),    tr("without path"), tr("predicted"), tr("bits/weight"),
                      tr("kept"),  tr("SNR (dB)"), tr("dead inputs"),  tr("damping")};
    content.headerTips = {tr("Name of the layer"),
                          tr("|x ΔWᵀ|² / |x Wᵀ|² over the calibrated tokens, of what is saved"),
                          tr("The same without the low-rank path"),
                          tr("What the path's method says of it; EoRA's is the measured one"),
                          tr("Of the saved form, path included"),
                          tr("Part of the weights that are not 0"),
                          tr("−10 log₁₀ of the error: what stays of the output's signal"),
                          tr("Inputs that were 0 in all calibrated tokens"),
                          tr("Added to the diagonal of the second moments")};
    for (const LayerResult& each : results.layers)
        content.rows.push_back({each.name, cell(each.error), cell(each.withoutPath), cell(each.predicted),
                                cell(each.bitsPerWeight), cell(each.kept),
                                each.error > 0 ? cell(-10 * std::log10(each.error)) : QVariant(),
                                cell(each.deadInputs), cell(each.damping)});
    std::stable_sort(
        content.rows.begin(), content.rows.end(),
        [](const QVariantList& a, const QVariantList& b) { return a[1].toDouble() > b[1].toDouble(); });
    return content;
}

QString shortLayerName(const QString& name) {
    QString number, role = name.section('.', -1);
    for (const QString& piece : name.split('.')) {
        bool isNumber = false;
        piece.toInt(&isNumber);
        if (isNumber)
            number = piece;
    }
    role.remove(QStringLiteral("_proj"));
    return number.isEmpty() ? role : number + '.' + role;
}

std::vector<ChartSeries> errorBars(const LayerResults& results) {
    ChartSeries before, after;
    before.name = tr("without path");
    after.name = results.rank > 0 ? tr("as saved") : tr("error");
    before.color = chartColor(1);
    after.color = chartColor(0);
    before.barWidth = after.barWidth = results.rank > 0 ? kBarWidth : 2 * kBarWidth;
    for (size_t index = 0; index < results.layers.size(); ++index) {
        const LayerResult& each = results.layers[index];
        const double shift = results.rank > 0 ? kBarWidth / 2 : 0;
        after.x.append(double(index) + shift);
        after.y.append(each.error);
        before.x.append(double(index) - shift);
        before.y.append(each.withoutPath);
    }
    if (results.rank > 0)
        return {before, after};
    return {after};
}

std::vector<ChartSeries> speedSeries(const LayerResults& results) {
    QMap<QString, ChartSeries> shapes;
    ChartSeries none;
    none.name = tr("no gain");
    none.dashed = true;
    none.color = QColor(150, 150, 150);
    for (const SpeedResult& each : results.speed) {
        ChartSeries& series = shapes[tr("%1 × %2").arg(each.outputs).arg(each.inputs)];
        series.points = true;
        series.x.append(each.tokens);
        series.y.append(each.speedup());
        if (!none.x.contains(each.tokens))
            none.x.append(each.tokens);
    }
    std::sort(none.x.begin(), none.x.end());
    none.y.fill(1, none.x.size());
    std::vector<ChartSeries> all;
    for (auto shape = shapes.begin(); shape != shapes.end(); ++shape) {
        shape->name = shape.key();
        all.push_back(shape.value());
    }
    if (!none.x.isEmpty())
        all.push_back(none);
    return all;
}

std::vector<ChartSeries> spectrumSeries(const LayerSpectrum& spectrum, int64_t rank) {
    std::vector<double> squares = spectrum.singularValues;
    for (double& each : squares)
        each *= each;
    std::vector<double> kept(squares), left(squares);
    for (size_t index = 0; index < squares.size(); ++index)
        (int64_t(index) < rank ? left : kept)[index] = 0;
    // Parts of the same whole on both sides of the cut.
    const double total = std::accumulate(squares.begin(), squares.end(), 0.0);
    const auto parts = [&](const QString& name, const std::vector<double>& values, const QColor& color) {
        ChartSeries series;
        series.name = name;
        series.color = color;
        for (size_t index = 0; index < values.size(); ++index)
            if (total > 0 && values[index] / total > kSmallest) {
                series.x.append(double(index + 1));
                series.y.append(values[index] / total);
            }
        return series;
    };
    return {parts(tr("repaired"), kept, chartColor(0)), parts(tr("left"), left, chartColor(4))};
}

std::vector<ChartSeries> energySeries(const LayerSpectrum& spectrum) {
    std::vector<ChartSeries> all{
        partsOf(tr("inputs: eigenvalues"), spectrum.inputEigenvalues, chartColor(2)),
        partsOf(tr("error along their eigenvectors"), spectrum.errorEnergy, chartColor(1))};
    std::erase_if(all, [](const ChartSeries& each) { return each.x.isEmpty(); });
    return all;
}

std::vector<ChartSeries> rangeSeries(const LayerRanges& ranges) {
    const auto line = [](const QString& name, int color, const std::vector<double>& bins) {
        ChartSeries series;
        series.name = name;
        series.color = chartColor(color);
        series.points = true;
        const double sum = std::accumulate(bins.begin(), bins.end(), 0.0);
        for (size_t bin = 0; bin < bins.size() && sum > 0; ++bin) {
            series.x.append(std::exp2(-(double(bin) + 0.5) / 2));
            series.y.append(bins[bin] / sum);
        }
        return series;
    };
    std::vector<ChartSeries> series;
    for (ChartSeries each : {line(tr("groups"), 0, ranges.groups), line(tr("error"), 1, ranges.error),
                             line(tr("inputs"), 2, ranges.inputs)})
        if (!each.x.isEmpty())
            series.push_back(std::move(each));
    return series;
}

QString rangeText(const LayerRanges& ranges) {
    if (!ranges.known())
        return {};
    // The two bins down to half of the widest.
    const auto upper = [](const std::vector<double>& bins) {
        const double sum = std::accumulate(bins.begin(), bins.end(), 0.0);
        return sum > 0 ? 100 * (bins[0] + (bins.size() > 1 ? bins[1] : 0)) / sum : 0;
    };
    const auto times = [](double largest, double median) {
        return median > 0 ? QString::number(largest / median, 'g', 3) : tr("∞");
    };
    return tr("groups of %1: the widest reaches %2 times as far as the median; %3 % of them beyond half of "
              "it, with %4 % of the error · loudest input %5 times the median")
        .arg(ranges.group)
        .arg(times(ranges.widest, ranges.medianGroup))
        .arg(upper(ranges.groups), 0, 'g', 3)
        .arg(upper(ranges.error), 0, 'g', 3)
        .arg(times(ranges.loudest, ranges.medianInput));
}

double leftOf(const LayerSpectrum& spectrum, int64_t rank) {
    double left = 0, total = 0;
    for (size_t index = 0; index < spectrum.singularValues.size(); ++index) {
        const double square = spectrum.singularValues[index] * spectrum.singularValues[index];
        total += square;
        left += int64_t(index) >= rank ? square : 0;
    }
    return total > 0 ? left / total : 0;
}

RankCost rankCost(const LayerResults& results, const QString& layer, int64_t rank) {
    double error = 0, bits = 0, weights = 0;
    for (const LayerSpectrum& spectrum : results.spectra) {
        const QString name = QString::fromStdString(spectrum.layer);
        const LayerResult* each = results.layer(name);
        if ((!layer.isEmpty() && name != layer) || !each || !std::isfinite(each->withoutPath))
            continue;
        const double size = each->rows * each->columns;
        const double own = double(std::min<int64_t>(rank, int64_t(spectrum.singularValues.size())));
        error += size * each->withoutPath * leftOf(spectrum, rank);
        bits += kPathBits * own * (each->rows + each->columns);
        weights += size;
    }
    return weights > 0 ? RankCost{error / weights, bits / weights} : RankCost{};
}

std::vector<ChartSeries> rankSeries(const LayerResults& results, const QString& layer, int64_t rank) {
    const int64_t most = results.largestRank(), step = std::max<int64_t>(1, most / kRankPoints);
    const auto curve = [&](const QString& name, const QString& of, const QColor& color) {
        ChartSeries series;
        series.name = name;
        series.color = color;
        for (int64_t each = 0; each <= most; each += step) {
            series.x.append(double(each));
            series.y.append(rankCost(results, of, each).error);
        }
        return series;
    };
    std::vector<ChartSeries> all{curve(tr("mean of the layers"), {}, chartColor(2))};
    if (results.spectrum(layer)) {
        all.push_back(curve(shortLayerName(layer), layer, chartColor(0)));
        all.push_back(point(tr("rank %1").arg(rank), double(rank), rankCost(results, layer, rank).error,
                            chartColor(1)));
    }
    return all;
}

}  // namespace vitrine
