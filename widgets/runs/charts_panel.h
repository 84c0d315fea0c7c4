// Charts of the chosen metrics for the selected runs, with one set of settings for all: axis, smoothing,
// logarithmic axes, bands over seeds.
#pragma once

#include "core/base/json.h"
#include "widgets/runs/chart_data.h"

#include <QMap>
#include <QWidget>

class QCheckBox;
class QComboBox;
class QGridLayout;
class QLabel;
class QLineEdit;
class QListWidget;
class QSlider;

namespace vitrine {

class MetricChart;

class ChartsPanel : public QWidget {
    Q_OBJECT
  public:
    explicit ChartsPanel(QWidget* parent = nullptr);

    // Metrics that the selected runs have; the first few are chosen until the user chooses.
    void setMetrics(const QStringList& metrics);
    void setChosen(const QStringList& metrics);
    QStringList chosen() const;
    void setSeries(const QString& metric, std::vector<MetricSeries> series);
    void setNotice(const QString& text);  // under the tool row; "" for none
    void setOptions(const ChartOptions& options);
    const ChartOptions& options() const { return options_; }
    MetricChart* chart(const QString& metric) const { return charts_.value(metric); }
    Json save() const;
    void restore(const Json& state);

  signals:
    void chosenChanged(const QStringList& metrics);
    void failed(const QString& message);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void placeCharts();
    void readOptions();
    void filterMetrics(const QString& text);

    QListWidget* list_;
    QLineEdit* search_;
    QComboBox* axis_;
    QSlider* smoothing_;
    QLabel* smoothingText_;
    QCheckBox *logX_, *logY_, *bands_;
    QLabel* notice_;
    QWidget* page_;
    QGridLayout* grid_;
    QMap<QString, MetricChart*> charts_;
    ChartOptions options_;
    bool userChose_ = false;
    QStringList wantedChoice_;
};

}  // namespace vitrine
