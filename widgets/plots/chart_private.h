// State of a Chart, shared by the files that make it up.
#pragma once

#include "widgets/base/plot_canvas.h"
#include "widgets/plots/chart.h"

namespace vitrine {

constexpr int kLeastSide = 40;  // pixels of the plot within its axes

struct Chart::Private {
    PlotCanvas* plot = nullptr;
    QStringList xNames;
    bool equalScale = false;
    QCPRange shownX, shownY;  // as showAll left them
};

// Back into the plot, from beside or below it; nothing is laid out.
void takeLegendInside(QCustomPlot& plot);

}  // namespace vitrine
