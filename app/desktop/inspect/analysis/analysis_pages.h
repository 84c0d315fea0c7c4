// Results of analyses as what the widgets of the dock show.
#pragma once

#include "app/desktop/inspect/analysis/analysis_controller.h"
#include "widgets/base/data_table.h"
#include "widgets/gallery/picture_strip.h"
#include "widgets/plots/chart.h"
#include "widgets/plots/heat_map_view.h"

namespace vitrine {

HeatMap heatMapOf(const LayerComparison& result, const QString& model, const QString& other);
// Where the energy of the pattern lies, or how often a place holds an outlier token.
HeatMap heatMapOf(const FixedPatternResult& result, const QString& model, bool outliers);
// RankMe, effective rank and LiDAR over the layers; the names of the layers are those of the x axis.
std::vector<ChartSeries> chartOf(const LayerRanks& result);
QStringList layerNamesOf(const LayerRanks& result);
TableContent tableOf(const LayerRanks& result);
TableContent tableOf(const ZeroShotTable& result);
// Own class down, class that the neighbours name across, in shares of the own class.
HeatMap heatMapOf(const LabelVotes& votes, const QString& model);
// Pictures in the order of the table: wrong ones first. `cell`: only those of one cell of the heat map.
std::vector<size_t> shownVotes(const LabelVotes& votes, std::optional<QPoint> cell = std::nullopt);
TableContent tableOf(const LabelVotes& votes, const std::vector<size_t>& shown);
// The picture itself, then those nearest to it.
std::vector<StripPicture> stripOf(const NeighborLists& result);
// One or two lines on what was measured: pictures, samples, main figures, seconds, pictures left out.
QString captionOf(const AnalysisOutcome& outcome);

}  // namespace vitrine
