#include "widgets/teachers/covariance_map.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("CovarianceMap", text);
}

const std::vector<float>& matrixOf(const CovarianceMaps& maps, bool after) {
    return after ? maps.after : maps.before;
}

double covarianceAt(const CovarianceMaps& maps, bool after, int64_t row, int64_t column) {
    return double(matrixOf(maps, after)[size_t(row * maps.channels + column)]);
}

// NaN for a channel without variance; rounding may leave one a little below 0.
double correlationAt(const CovarianceMaps& maps, bool after, int64_t row, int64_t column) {
    const double ofRow = covarianceAt(maps, after, row, row),
                 ofColumn = covarianceAt(maps, after, column, column);
    return ofRow > 0 && ofColumn > 0 ? covarianceAt(maps, after, row, column) / std::sqrt(ofRow * ofColumn)
                                     : std::numeric_limits<double>::quiet_NaN();
}

double largestEntry(const CovarianceMaps& maps, bool after) {
    double largest = 0;
    for (const float value : matrixOf(maps, after))
        largest = std::max(largest, double(std::abs(value)));
    return largest > 0 ? largest : 1;
}

// First channel of each cell, and the end of the last.
std::vector<int> edgesOf(int first, int count, int cells) {
    std::vector<int> edges;
    for (int cell = 0; cell <= cells; ++cell)
        edges.push_back(first + int(int64_t(count) * cell / cells));
    return edges;
}

QStringList labelsOf(const std::vector<int>& edges) {
    QStringList labels;
    for (size_t cell = 0; cell + 1 < edges.size(); ++cell)
        labels.append(QString::number(edges[cell]));
    return labels;
}

struct Pair {
    int row = 0, column = 0;
};

// The cells' strongest pairs: what a heat map reads out.
struct Strongest {
    std::shared_ptr<const CovarianceMaps> maps;
    bool after = false;
    int columns = 0;
    std::vector<int> rowEdges, columnEdges;
    std::vector<Pair> pairs;

    QString text(int row, int column) const {
        const Pair pair = pairs[size_t(row) * size_t(columns) + size_t(column)];
        const double correlation = correlationAt(*maps, after, pair.row, pair.column);
        const int among = (rowEdges[size_t(row) + 1] - rowEdges[size_t(row)]) *
                          (columnEdges[size_t(column) + 1] - columnEdges[size_t(column)]);
        QString line = tr("channels %1 and %2: correlation %3, covariance %4")
                           .arg(pair.row)
                           .arg(pair.column)
                           .arg(std::isnan(correlation) ? tr("none") : QString::number(correlation, 'f', 3))
                           .arg(covarianceAt(*maps, after, pair.row, pair.column), 0, 'g', 4);
        if (among > 1)
            line += tr(" (the strongest of %1 pairs)").arg(among);
        return line;
    }
};

}  // namespace

HeatMap covarianceHeatMap(const std::shared_ptr<const CovarianceMaps>& maps,
                          const CovarianceSection& section) {
    HeatMap map;
    const int count = std::min(section.count, int(maps->channels));
    const int cells = std::min(count, section.cells);
    if (cells < 1)
        return map;
    auto strongest = std::make_shared<Strongest>();
    strongest->maps = maps;
    strongest->after = section.after;
    strongest->columns = cells;
    strongest->rowEdges = edgesOf(section.firstRow, count, cells);
    strongest->columnEdges = edgesOf(section.firstColumn, count, cells);
    map.rows = map.columns = cells;
    map.values.reserve(size_t(cells) * size_t(cells));
    for (int row = 0; row < cells; ++row)
        for (int column = 0; column < cells; ++column) {
            double value = std::numeric_limits<double>::quiet_NaN();
            Pair pair{strongest->rowEdges[size_t(row)], strongest->columnEdges[size_t(column)]};
            for (int i = strongest->rowEdges[size_t(row)]; i < strongest->rowEdges[size_t(row) + 1]; ++i)
                for (int j = strongest->columnEdges[size_t(column)];
                     j < strongest->columnEdges[size_t(column) + 1]; ++j) {
                    const double each = section.correlation ? correlationAt(*maps, section.after, i, j)
                                                            : covarianceAt(*maps, section.after, i, j);
                    if (std::isnan(each) || std::abs(each) <= std::abs(value))
                        continue;
                    value = each;
                    pair = {i, j};
                }
            map.values.push_back(value);
            strongest->pairs.push_back(pair);
        }
    map.high = section.correlation ? 1 : largestEntry(*maps, section.after);
    map.low = -map.high;
    map.colors = ColorMap::Coolwarm;
    map.rowLabels = labelsOf(strongest->rowEdges);
    map.columnLabels = labelsOf(strongest->columnEdges);
    map.rowTitle = map.columnTitle = tr("channel");
    map.valueTitle = section.correlation ? tr("correlation") : tr("covariance");
    map.describe = [strongest](int row, int column) { return strongest->text(row, column); };
    return map;
}

CovarianceFacts covarianceFacts(const CovarianceMaps& maps, bool after) {
    CovarianceFacts facts;
    facts.smallestVariance = std::numeric_limits<double>::infinity();
    double sum = 0;
    int64_t count = 0;
    for (int64_t row = 0; row < maps.channels; ++row) {
        const double variance = std::max(0.0, covarianceAt(maps, after, row, row));
        facts.smallestVariance = std::min(facts.smallestVariance, variance);
        facts.largestVariance = std::max(facts.largestVariance, variance);
        for (int64_t column = 0; column < row; ++column) {
            const double correlation = std::abs(correlationAt(maps, after, row, column));
            if (std::isnan(correlation))
                continue;
            sum += correlation;
            ++count;
            facts.largestCorrelation = std::max(facts.largestCorrelation, correlation);
        }
    }
    facts.meanCorrelation = count > 0 ? sum / double(count) : 0;
    return facts;
}

}  // namespace vitrine
