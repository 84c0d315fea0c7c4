// A line and scatter chart that follows the theme; wheel zooms, drag pans, double click shows all; can be
// saved as PNG, SVG or CSV. No QCustomPlot header here.
#pragma once

#include "core/base/result.h"

#include <QColor>
#include <QStringList>
#include <QVector>
#include <QWidget>
#include <filesystem>
#include <vector>

namespace vitrine {

struct ThemeColors;

struct ChartSeries {
    QString name;
    QVector<double> x, y;
    QVector<double> low, high;  // a band around y; empty: none. Of bars, low is where each begins
    QColor color;               // invalid: the next of a colour-blind-safe list
    bool line = true;
    bool points = false;
    bool dashed = false;
    bool curve = false;   // points are joined in their order and may turn back in x; else by rising x
    double barWidth = 0;  // of the x axis; above 0: bars from zero or low in place of line and points
};

// Colour of the series with this number, unless it has one of its own: told apart by colour-blind eyes.
QColor chartColor(size_t index);

class Chart : public QWidget {
    Q_OBJECT
  public:
    explicit Chart(QWidget* parent = nullptr);
    ~Chart() override;

    void setTitle(const QString& title);
    // Labels with their unit: "step", "loss (nats)".
    void setAxes(const QString& x, const QString& y);
    void setLogarithmic(bool x, bool y);
    // One unit is as long on both axes: circles are round.
    void setEqualScale(bool equal);
    // Names at whole numbers of the x axis: "0", …, "final". As many as fit are written. Empty: numbers, and
    // where all points lie at whole ones, nothing in between.
    void setXNames(const QStringList& names);
    void setSeries(std::vector<ChartSeries> series);
    // Of several series, unless it is hidden: where there are many, the read-out names them. It stands in a
    // corner without data; where there is none, above all of them; where it would take most of the plot,
    // below or beside it.
    void setLegendShown(bool shown);
    const std::vector<ChartSeries>& series() const { return series_; }
    void showAll();
    // Files and pictures are on white whatever the theme. By the ending: .png, .svg, .csv (columns series, x,
    // y, low, high).
    Result<void> save(const std::filesystem::path& file);
    QString toCsv() const;
    QPixmap toPixmap(int width, int height);

  signals:
    void pointClicked(int series, int index);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void applyTheme();
    void applyColors(const ThemeColors& colors);
    void fitRanges();
    void placeLegend();
    void keepEqualScale();
    bool isCounted() const;
    void rebuild();
    void placeXNames();
    QString readoutAt(double x) const;

    struct Private;
    std::unique_ptr<Private> d_;
    std::vector<ChartSeries> series_;
    bool legendShown_ = true;
};

}  // namespace vitrine
