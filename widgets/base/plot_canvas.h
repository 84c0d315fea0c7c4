// The QCustomPlot inside of a chart.
#pragma once

#include <qcustomplot.h>

namespace vitrine {

class PlotCanvas : public QCustomPlot {
  public:
    // Of the plot alone: a legend that stands beside or below it does not hold its page open.
    QSize minimumSizeHint() const override { return axisRect()->minimumOuterSizeHint(); }

    // Margins of axes and places of all elements as they will be drawn.
    void layOut() {
        for (const auto phase :
             {QCPLayoutElement::upPreparation, QCPLayoutElement::upMargins, QCPLayoutElement::upLayout})
            plotLayout()->update(phase);
    }

  protected:
    // A splitter or a page without room leaves a chart no pixels, and QCustomPlot would draw on a picture of
    // none: it keeps the size that it had until it has one again.
    void resizeEvent(QResizeEvent* event) override {
        if (!size().isEmpty())
            QCustomPlot::resizeEvent(event);
    }
};

}  // namespace vitrine
