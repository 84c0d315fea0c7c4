#include "widgets/teachers/statistics_charts.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace vitrine {
namespace {

// Shares below this are rounding of the covariance (float32 products).
constexpr double kSmallestShare = 1e-9;
constexpr double kBarWidth = 0.36;

QString tr(const char* text) {
    return QCoreApplication::translate("StatisticsCharts", text);
}

QVector<double> sortedDown(QVector<double> values) {
    std::sort(values.begin(), values.end(), std::greater<>());
    return values;
}

double rootOfMean(const QVector<double>& variances) {
    if (variances.isEmpty())
        return TeacherStatistics::kUnknown;
    return std::sqrt(std::accumulate(variances.begin(), variances.end(), 0.0) / double(variances.size()));
}

// Positive values against their rank from 1; logarithmic axes take nothing else.
ChartSeries rankedSeries(const QString& name, const QVector<double>& values, QColor color, double smallest) {
    ChartSeries series;
    series.name = name;
    series.color = color;
    for (qsizetype index = 0; index < values.size(); ++index)
        if (values[index] > smallest) {
            series.x.append(double(index + 1));
            series.y.append(values[index]);
        }
    return series;
}

QVariant cell(double value) {
    return std::isnan(value) ? QVariant() : QVariant(value);
}

}  // namespace

QStringList statisticsNames(const TeacherStatisticsList& list) {
    QStringList names;
    for (const TeacherStatistics& each : list) {
        const auto streams = std::count_if(list.begin(), list.end(),
                                           [&](const auto& other) { return other.teacher == each.teacher; });
        names.append(streams > 1 ? QStringLiteral("%1, %2").arg(each.teacher, each.stream) : each.teacher);
    }
    return names;
}

QStringList normalizersOf(const TeacherStatisticsList& list) {
    QStringList names;
    for (const TeacherStatistics& each : list)
        for (const auto& [name, variances] : each.normalized)
            if (!names.contains(name))
                names.append(name);
    return names;
}

TableContent statisticsTable(const TeacherStatisticsList& list) {
    struct Column {
        QString title, tip;
        std::function<QVariant(const TeacherStatistics&)> value;
    };
    const auto number = [](double TeacherStatistics::*member) {
        return [member](const TeacherStatistics& each) { return cell(each.*member); };
    };
    using S = TeacherStatistics;
    const std::vector<Column> columns{
        {tr("teacher"), tr("Name of the model"), [](const S& each) { return QVariant(each.teacher); }},
        {tr("stream"), tr("Final features, a layer or an adaptor"),
         [](const S& each) { return QVariant(each.stream); }},
        {tr("channels"), tr("Length of a feature vector"),
         [](const S& each) { return QVariant(qlonglong(each.channels)); }},
        {tr("vectors"), tr("Feature vectors that were counted"),
         [](const S& each) { return QVariant(qlonglong(each.vectors)); }},
        {tr("global std"), tr("One mean and deviation over all values"), number(&S::globalStd)},
        {tr("φ"), tr("Root mean square of the channels' deviations: the scale that PHI-S takes out"),
         number(&S::phi)},
        {tr("smallest"), tr("Smallest deviation of a channel"), number(&S::smallestChannelStd)},
        {tr("largest"), tr("Largest deviation of a channel"), number(&S::largestChannelStd)},
        {tr("kurtosis"), tr("Largest kurtosis of a channel; 3 is that of a normal distribution"),
         number(&S::largestKurtosis)},
        {tr("RankMe"), tr("Exponential of the entropy of the singular values (directions)"),
         number(&S::rankMe)},
        {tr("eff. rank"), tr("Exponential of the entropy of the eigenvalues (directions)"),
         number(&S::effectiveRank)},
        {tr("rank"), tr("Eigenvalues above rounding"), number(&S::numericalRank)},
        {tr("norm"), tr("Mean L2 norm of a feature vector"), number(&S::meanNorm)},
        {tr("norm 99 %"), tr("99 % of the vectors are shorter"), number(&S::norm99)},
        {tr("Disp"), tr("Dispersion of the summaries' cone, squared radians"), number(&S::dispersion)},
        {tr("remarks"), tr("What the fits of the normalisers had to say"),
         [](const S& each) { return QVariant(each.remarks.join("; ")); }}};
    TableContent content;
    content.significant = 4;
    for (const Column& column : columns) {
        content.header.append(column.title);
        content.headerTips.append(column.tip);
    }
    for (const TeacherStatistics& each : list) {
        QVariantList row;
        for (const Column& column : columns)
            row.append(column.value(each));
        content.rows.push_back(std::move(row));
    }
    return content;
}

std::vector<ChartSeries> spectrumSeries(const TeacherStatisticsList& list) {
    const QStringList names = statisticsNames(list);
    std::vector<ChartSeries> all;
    for (size_t index = 0; index < list.size(); ++index) {
        QVector<double> shares = list[index].eigenvalues;
        const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
        for (double& share : shares)
            share /= total;
        all.push_back(rankedSeries(names[qsizetype(index)], shares, chartColor(index), kSmallestShare));
    }
    return all;
}

std::vector<ChartSeries> varianceSeries(const TeacherStatisticsList& list, const QString& normalizer) {
    const QStringList names = statisticsNames(list);
    std::vector<ChartSeries> all;
    for (size_t index = 0; index < list.size(); ++index) {
        const QString& name = names[qsizetype(index)];
        ChartSeries before =
            rankedSeries(tr("%1 before").arg(name), sortedDown(list[index].variances), chartColor(index), 0);
        before.dashed = true;
        all.push_back(std::move(before));
        if (const QVector<double>* after = list[index].variancesAfter(normalizer))
            all.push_back(rankedSeries(tr("%1 after").arg(name), sortedDown(*after), chartColor(index),
                                       kSmallestShare));
    }
    return all;
}

std::vector<ChartSeries> histogramSeries(const TeacherStatisticsList& list, bool norms) {
    const QStringList names = statisticsNames(list);
    std::vector<ChartSeries> all;
    for (size_t index = 0; index < list.size(); ++index) {
        const TeacherHistogram& histogram = norms ? list[index].norms : list[index].values;
        const double total = std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0);
        ChartSeries series;
        series.name = names[qsizetype(index)];
        series.color = chartColor(index);
        for (qsizetype bin = 0; bin < histogram.counts.size(); ++bin) {
            // Bins that hold nothing are left out of the list: a logarithmic curve has a gap there.
            const double width = histogram.high[bin] - histogram.low[bin];
            if (bin > 0 && histogram.low[bin] - histogram.high[bin - 1] > width / 2) {
                series.x << histogram.high[bin - 1] << histogram.low[bin];
                series.y << TeacherStatistics::kUnknown << TeacherStatistics::kUnknown;
            }
            series.x.append((histogram.low[bin] + histogram.high[bin]) / 2);
            series.y.append(histogram.counts[bin] / total / width);
        }
        all.push_back(std::move(series));
    }
    return all;
}

std::vector<ChartSeries> balanceSeries(const TeacherStatisticsList& list, const QString& normalizer) {
    ChartSeries before, after;
    before.name = tr("before");
    after.name = tr("after %1").arg(normalizer);
    before.barWidth = after.barWidth = kBarWidth;
    before.color = chartColor(1);
    after.color = chartColor(0);
    for (size_t index = 0; index < list.size(); ++index) {
        before.x.append(double(index) - kBarWidth / 2);
        before.y.append(rootOfMean(list[index].variances));
        if (const QVector<double>* variances = list[index].variancesAfter(normalizer)) {
            after.x.append(double(index) + kBarWidth / 2);
            after.y.append(rootOfMean(*variances));
        }
    }
    if (after.x.isEmpty())
        return {before};
    return {before, after};
}

QString balanceText(const TeacherStatisticsList& list, const QString& normalizer) {
    if (list.size() < 2)
        return {};
    QStringList parts;
    for (const ChartSeries& series : balanceSeries(list, normalizer)) {
        const auto [smallest, largest] = std::minmax_element(series.y.begin(), series.y.end());
        parts.append(QStringLiteral("%1 %2").arg(
            *smallest > 0 ? QString::number(*largest / *smallest, 'f', 2) : QStringLiteral("∞"),
            series.name));
    }
    return tr("largest / smallest: %1").arg(parts.join(", "));
}

}  // namespace vitrine
