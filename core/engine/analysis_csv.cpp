#include "core/base/csv.h"
#include "core/engine/analysis.h"

#include <numeric>

namespace vitrine {

double FixedPatternResult::meanOutliers() const {
    if (outlierCounts.empty())
        return 0;
    return double(std::accumulate(outlierCounts.begin(), outlierCounts.end(), int64_t(0))) /
           double(outlierCounts.size());
}

std::string csvOf(const LayerComparison& result) {
    std::string csv = "layer";
    for (const std::string& column : result.columns)
        csv += "," + csvField(column);
    csv += "\n";
    for (size_t row = 0; row < result.rows.size(); ++row) {
        csv += csvField(result.rows[row]);
        for (size_t column = 0; column < result.columns.size(); ++column)
            csv += fmt::format(",{:.9g}", result.at(row, column));
        csv += "\n";
    }
    return csv;
}

std::string csvOf(const LayerRanks& result) {
    std::string csv = "layer,width,samples,rankMe,effectiveRank,lidar\n";
    for (const LayerRank& layer : result.layers)
        csv +=
            fmt::format("{},{},{},{:.9g},{:.9g},{}\n", layer.layer, layer.width, layer.samples, layer.rankMe,
                        layer.effectiveRank, layer.lidar ? fmt::format("{:.9g}", *layer.lidar) : "");
    return csv;
}

std::string csvOf(const NeighborLists& result) {
    std::string csv = "query,rank,picture,cosine,label\n";
    for (const NeighborLists::Row& row : result.rows)
        for (size_t rank = 0; rank < row.nearest.size(); ++rank)
            csv += fmt::format("{},{},{},{:.9g},{}\n", csvField(row.query), rank + 1,
                               csvField(row.nearest[rank].path), row.nearest[rank].cosine,
                               csvField(row.nearest[rank].label));
    return csv;
}

std::string csvOf(const ZeroShotTable& result) {
    std::string csv = "picture";
    for (const std::string& name : result.classes)
        csv += "," + csvField(name);
    csv += "\n";
    for (const ZeroShotTable::Row& row : result.rows) {
        csv += csvField(row.path);
        for (const double probability : row.probabilities)
            csv += fmt::format(",{:.9g}", probability);
        csv += "\n";
    }
    return csv;
}

std::string csvOf(const FixedPatternResult& result) {
    std::string csv = "row,column,energy,outlierRate\n";
    for (int64_t row = 0; row < result.height; ++row)
        for (int64_t column = 0; column < result.width; ++column) {
            const size_t cell = size_t(row * result.width + column);
            csv += fmt::format("{},{},{:.9g},{:.9g}\n", row, column, result.energy[cell],
                               result.outlierRate[cell]);
        }
    return csv;
}

}  // namespace vitrine
