// State of a Chart, shared by the files that make it up.
#pragma once

#include "widgets/plots/chart.h"

#include <qcustomplot.h>

namespace vitrine {

struct Chart::Private {
    QCustomPlot* plot = nullptr;
    QStringList xNames;
    bool equalScale = false;
    QCPRange shownX, shownY;  // as showAll left them
};

}  // namespace vitrine
