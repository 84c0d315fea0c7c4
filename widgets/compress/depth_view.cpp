#include "widgets/compress/depth_view.h"

#include "widgets/compress/titled.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kBarsWidth = 0.8;  // of all bars of a block together

ChartSeries bars(const QString& name, size_t number, size_t count) {
    ChartSeries series;
    series.name = name;
    series.color = chartColor(number);
    series.barWidth = kBarsWidth / double(count);
    return series;
}

void addBar(ChartSeries& series, size_t number, size_t count, double place, double value) {
    series.x.append(place + (double(number) - 0.5 * double(count - 1)) * kBarsWidth / double(count));
    series.y.append(value);
}

HeatMap cosineMap(const std::vector<std::vector<double>>& cosines) {
    HeatMap map;
    map.rows = map.columns = int(cosines.size());
    map.low = 1;
    for (const std::vector<double>& row : cosines)
        for (size_t column = 0; column < cosines.size(); ++column) {
            map.values.push_back(column < row.size() ? row[column]
                                                     : std::numeric_limits<double>::quiet_NaN());
            if (std::isfinite(map.values.back()))
                map.low = std::min(map.low, map.values.back());
        }
    map.low = std::min(map.low, 0.999);
    map.title = DepthView::tr("Cosine of the streams in front of the blocks");
    map.rowTitle = map.columnTitle = DepthView::tr("block");
    map.valueTitle = DepthView::tr("cosine");
    return map;
}

}  // namespace

std::vector<ChartSeries> influenceBars(const std::map<QString, std::vector<double>>& blocks) {
    std::vector<ChartSeries> series;
    for (const auto& [metric, values] : blocks) {
        if (values.empty())
            continue;
        ChartSeries one = bars(metric, series.size(), blocks.size());
        const double most = std::max(1e-30, *std::max_element(values.begin(), values.end()));
        for (size_t block = 0; block < values.size(); ++block)
            addBar(one, series.size(), blocks.size(), double(block), values[block] / most);
        series.push_back(std::move(one));
    }
    return series;
}

HeatMap metricAgreement(const std::map<QString, std::vector<double>>& blocks) {
    HeatMap map;
    for (const auto& [metric, values] : blocks) {
        map.rowLabels.append(metric);
        for (const auto& [other, others] : blocks)
            map.values.push_back(rankAgreement(values, others));
    }
    map.columnLabels = map.rowLabels;
    map.rows = map.columns = int(blocks.size());
    map.low = -1;
    map.colors = ColorMap::Coolwarm;
    map.title = DepthView::tr("How the metrics agree");
    map.valueTitle = DepthView::tr("Kendall's τ");
    return map;
}

std::vector<ChartSeries> partBars(const std::vector<double>& parts) {
    ChartSeries attention = bars(DepthView::tr("attention"), 0, 2);
    ChartSeries feedForward = bars(DepthView::tr("feed-forward"), 1, 2);
    for (size_t block = 0; 2 * block + 1 < parts.size(); ++block) {
        addBar(attention, 0, 2, double(block), parts[2 * block]);
        addBar(feedForward, 1, 2, double(block), parts[2 * block + 1]);
    }
    return attention.x.isEmpty() ? std::vector<ChartSeries>()
                                 : std::vector<ChartSeries>{attention, feedForward};
}

DepthView::DepthView(QWidget* parent)
    : QWidget(parent),
      metric_(new QComboBox),
      facts_(new QLabel),
      agreement_(new HeatMapView),
      cosines_(new HeatMapView),
      influence_(new Chart),
      parts_(new Chart),
      norms_(new Chart) {
    setObjectName("depthView");
    facts_->setObjectName("depthFacts");
    facts_->setWordWrap(true);
    metric_->setObjectName("depthMetric");
    agreement_->setObjectName("depthAgreement");
    cosines_->setObjectName("depthCosines");
    influence_->setObjectName("depthInfluence");
    influence_->setAxes(tr("block"), tr("influence / largest"));
    parts_->setObjectName("depthParts");
    parts_->setAxes(tr("block"), tr("influence"));
    norms_->setObjectName("depthNorms");
    norms_->setAxes(tr("in front of block"), tr("mean norm of a token"));
    auto* parts = new QWidget;
    auto* column = new QVBoxLayout(parts);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(metric_, 0, Qt::AlignLeft);
    column->addWidget(parts_, 1);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 3);
    grid->addWidget(titled(tr("Influence of blocks by every metric"), influence_), 1, 0, 1, 2);
    grid->addWidget(agreement_, 1, 2);
    grid->addWidget(titled(tr("Attention and feed-forward parts"), parts), 2, 0);
    grid->addWidget(titled(tr("Norm of the stream over depth"), norms_), 2, 1);
    grid->addWidget(cosines_, 2, 2);
    for (int index = 0; index < 3; ++index)
        grid->setColumnStretch(index, 1);
    grid->setRowStretch(1, 1);
    grid->setRowStretch(2, 1);
    connect(metric_, &QComboBox::activated, this, &DepthView::refreshParts);
}

void DepthView::setScores(StructureScores scores) {
    scores_ = std::move(scores);
    const QString before = metric_->currentText();
    {
        const QSignalBlocker quiet(metric_);
        metric_->clear();
        for (const auto& [metric, values] : scores_.parts)
            metric_->addItem(metric);
        metric_->setCurrentIndex(metric_->count() > 0 ? std::max(0, metric_->findText(before)) : -1);
    }
    QStringList least;
    for (const auto& [metric, values] : scores_.blocks)
        if (const auto order = removedBlocks(values, 0); !order.empty())
            least.append(tr("%1: %2").arg(metric).arg(order.front()));
    facts_->setText(least.isEmpty() ? tr("The model is not ranked yet")
                                    : tr("The block that each metric would take out first: %1")
                                          .arg(least.join(QStringLiteral(" · "))));
    influence_->setSeries(influenceBars(scores_.blocks));
    agreement_->setMap(metricAgreement(scores_.blocks));
    cosines_->setMap(cosineMap(scores_.streamCosines));
    ChartSeries norms;
    norms.points = true;
    for (size_t block = 0; block < scores_.streamNorms.size(); ++block) {
        norms.x.append(double(block));
        norms.y.append(scores_.streamNorms[block]);
    }
    norms_->setSeries(norms.x.isEmpty() ? std::vector<ChartSeries>() : std::vector<ChartSeries>{norms});
    refreshParts();
}

void DepthView::refreshParts() {
    const auto found = scores_.parts.find(metric_->currentText());
    parts_->setSeries(found != scores_.parts.end() ? partBars(found->second) : std::vector<ChartSeries>());
}

}  // namespace vitrine
