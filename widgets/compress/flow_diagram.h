// Units of a sparse training as bands that run from exchange to exchange (a Sankey diagram): a column for
// each time with those in use on top, those that have left below and those never used at the bottom. The
// exchange under the cursor, or chosen by the arrow keys, is read out.
#pragma once

#include "widgets/compress/unit_flows.h"

#include <QWidget>
#include <optional>

class QPainter;

namespace vitrine {

class FlowDiagram : public QWidget {
    Q_OBJECT
  public:
    explicit FlowDiagram(QWidget* parent = nullptr);

    void setFlows(UnitFlows flows);
    const UnitFlows& flows() const { return flows_; }
    // Index of an exchange; nothing: none.
    void setChosen(std::optional<int> exchange);
    // "step 30: 20 stay, 5 leave, 3 come back, 2 for the first time, 8 stay out, 12 never in use so far"
    QString readout() const;
    QSize sizeHint() const override { return {720, 420}; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    QRectF area() const;                  // of the bands
    double columnX(size_t column) const;  // left edge
    double unitHeight() const;            // of one unit, in pixels
    void paintBands(QPainter& painter) const;
    void paintColumns(QPainter& painter) const;
    void paintLegend(QPainter& painter) const;

    UnitFlows flows_;
    std::optional<int> chosen_;
};

}  // namespace vitrine
