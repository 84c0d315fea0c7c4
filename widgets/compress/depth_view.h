// Which blocks of a model can go (depth pruning): their influence by every metric and how the metrics agree,
// attention beside feed-forward parts, norms and cosines of the residual stream over depth.
#pragma once

#include "widgets/compress/structures_view.h"
#include "widgets/plots/heat_map_view.h"

class QComboBox;
class QLabel;

namespace vitrine {

// Bars of each metric side by side, each as a part of its largest.
std::vector<ChartSeries> influenceBars(const std::map<QString, std::vector<double>>& blocks);
// Kendall's τ of every pair of metrics.
HeatMap metricAgreement(const std::map<QString, std::vector<double>>& blocks);
// Two bars for each block: its attention and its feed-forward part, by one metric (2i, 2i+1).
std::vector<ChartSeries> partBars(const std::vector<double>& parts);

class DepthView : public QWidget {
    Q_OBJECT
  public:
    explicit DepthView(QWidget* parent = nullptr);
    void setScores(StructureScores scores);

  private:
    void refreshParts();

    StructureScores scores_;
    QComboBox* metric_;
    QLabel* facts_;
    HeatMapView *agreement_, *cosines_;
    Chart *influence_, *parts_, *norms_;
};

}  // namespace vitrine
