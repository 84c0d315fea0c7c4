#include "widgets/compress/puzzle_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

HeatMap puzzleGrid(const PuzzleResults& results, PuzzleGrid what) {
    HeatMap map;
    if (results.layers.empty())
        return map;
    const PuzzleLayer& first = results.layers[0];
    for (size_t i = 1; i < first.attention.size(); ++i)
        map.columnLabels.append(QObject::tr("attn %1").arg(first.attention[i].name));
    for (size_t j = 1; j < first.feedForward.size(); ++j)
        map.columnLabels.append(QObject::tr("ffn %1").arg(first.feedForward[j].name));
    map.columns = int(map.columnLabels.size());
    map.rows = int(results.layers.size());
    const auto scoreAt = [](const PuzzleLayer& layer, size_t i, size_t j) {
        return i < layer.scores.size() && j < layer.scores[i].size() ? layer.scores[i][j] : kNothing;
    };
    const auto errorAt = [what](const std::vector<PuzzleVariant>& variants, size_t i) {
        if (i >= variants.size())
            return kNothing;
        return what == PuzzleGrid::ErrorsBefore ? variants[i].errorBefore : variants[i].errorAfter;
    };
    double most = 0;
    for (const PuzzleLayer& layer : results.layers) {
        map.rowLabels.append(QString::number(layer.block));
        for (size_t i = 1; i < first.attention.size(); ++i)
            map.values.push_back(what == PuzzleGrid::Scores ? scoreAt(layer, i, 0)
                                                            : errorAt(layer.attention, i));
        for (size_t j = 1; j < first.feedForward.size(); ++j)
            map.values.push_back(what == PuzzleGrid::Scores ? scoreAt(layer, 0, j)
                                                            : errorAt(layer.feedForward, j));
    }
    for (const double value : map.values)
        most = std::isfinite(value) ? std::max(most, value) : most;
    // Both errors on one scale: what teaching won is the difference.
    if (what == PuzzleGrid::ErrorsAfter)
        most = puzzleGrid(results, PuzzleGrid::ErrorsBefore).high;
    map.high = most > 0 ? most : 1;
    map.rowTitle = QObject::tr("layer");
    map.valueTitle = what == PuzzleGrid::Scores ? QObject::tr("score") : QObject::tr("error / update");
    map.title = what == PuzzleGrid::Scores         ? QObject::tr("What each variant costs in quality, alone")
                : what == PuzzleGrid::ErrorsBefore ? QObject::tr("How far each part is off as it begins")
                                                   : QObject::tr("How far each part is off once taught");
    map.colors = ColorMap::Magma;
    return map;
}

int layersThatDiffer(const PuzzleChoice& a, const PuzzleChoice& b) {
    int count = 0;
    for (size_t layer = 0; layer < std::min(a.size(), b.size()); ++layer)
        count += a[layer] != b[layer];
    return count;
}

}  // namespace vitrine
