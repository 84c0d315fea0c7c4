// One metric of several runs over steps or time. Mouse: drag pans, wheel zooms, double click shows all,
// hovering reads the values. Keys: arrows pan, + and - zoom, 0 shows all, Ctrl+C copies the picture.
#pragma once

#include "core/base/result.h"
#include "widgets/runs/chart_data.h"

#include <QWidget>

class QCPItemLine;
class QCPItemText;
class QCustomPlot;
class QTimer;

namespace vitrine {

class MetricChart : public QWidget {
    Q_OBJECT
  public:
    explicit MetricChart(const QString& metric, QWidget* parent = nullptr);

    const QString& metric() const { return metric_; }
    void setSeries(std::vector<MetricSeries> series);
    void setOptions(const ChartOptions& options);  // maxPoints and range are the chart's own
    const std::vector<ChartLine>& lines() const { return lines_; }
    void showAll();
    // Lines across the chart, with their text in the read-out when the mouse is near.
    void setMarks(std::vector<ChartMark> marks);
    const std::vector<ChartMark>& marks() const { return marks_; }
    // Shows this part of the x axis, as if zoomed to it; does not emit rangeChosen().
    void showRange(double low, double high);
    // Without title and name of the x axis, for good: whoever shows the chart says both.
    void makeBare();

    // PNG, SVG or CSV by the ending of the path.
    Result<void> save(const QString& path);
    void copyPicture();

  signals:
    void failed(const QString& message);
    void saved(const QString& path);
    void rangeChosen(double low, double high);  // the user panned or zoomed
    void allChosen();                           // … or went back to all

  protected:
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void rebuild();  // lines from the series for the range on show
    void draw();
    void applyColors();
    void applyAxes();
    void fitY();
    void readOut(const QPoint& position);
    void hideReadOut();
    QString xText(double x) const;
    double xOf(const ChartMark& mark) const;
    void placeMarks();
    void pan(double share);
    void zoom(double factor);
    void askAndSave(const QString& ending);

    QString metric_;
    QCustomPlot* plot_;
    QCPItemLine* cursor_;
    QCPItemText* reading_;
    QTimer* rebuildTimer_;
    std::vector<ChartMark> marks_;
    std::vector<QCPItemLine*> markLines_;
    std::vector<MetricSeries> series_;
    ChartOptions options_;
    std::vector<ChartLine> lines_, rawLines_;  // raw: unsmoothed, drawn faintly under smoothed ones
    bool bare_ = false;
    bool zoomed_ = false;
    bool updating_ = false;
};

}  // namespace vitrine
