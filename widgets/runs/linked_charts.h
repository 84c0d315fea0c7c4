// Charts one below the other on the same x axis: panning, zooming and the choice of axis go for all of them,
// and what happened while the run went on is a line across all. For watching a run and for looking at an old
// one; several runs overlay each other.
#pragma once

#include "widgets/runs/metric_chart.h"

#include <QMap>
#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QScrollArea;
class QSlider;
class QVBoxLayout;

namespace vitrine {

// One chart: several lines with a common unit.
struct ChartGroup {
    QString title;  // "Loss"; names the chart
    QString unit;   // of the y axis; may be empty
    QString help;   // tooltip: what the numbers mean
    std::vector<MetricSeries> lines;
};

class LinkedCharts : public QWidget {
    Q_OBJECT
  public:
    explicit LinkedCharts(QWidget* parent = nullptr);

    // Charts of titles that stay are kept, with their zoom.
    void setGroups(std::vector<ChartGroup> groups);
    void setMarks(const std::vector<ChartMark>& marks);
    const ChartOptions& options() const { return options_; }
    void setOptions(const ChartOptions& options);
    MetricChart* chart(const QString& title) const;

  signals:
    void failed(const QString& message);
    void saved(const QString& path);
    void optionsChanged();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    struct Item {
        QWidget* frame = nullptr;
        QLabel* head = nullptr;
        MetricChart* chart = nullptr;
        bool waiting = false;  // `lines` are drawn once the chart is in sight
        std::vector<MetricSeries> lines;
    };
    Item makeItem(const ChartGroup& group);
    void fillHead(const Item& item, const ChartGroup& group) const;
    void applyOptions();
    void drawVisible();

    QComboBox* axis_;
    QSlider* smoothing_;
    QCheckBox* logarithmic_;
    QScrollArea* scroll_;
    QVBoxLayout* column_;
    QMap<QString, Item> items_;
    std::vector<ChartMark> marks_;
    ChartOptions options_;
};

}  // namespace vitrine
