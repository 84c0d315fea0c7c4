// What the page Units draws of a sparse training.
#pragma once

#include "widgets/compress/sparse_view.h"

namespace vitrine {

// A layer's name that fits below a bar.
QString shortLayerName(QString name);

// Scores of a trial in percent of the units: those that stay, the others before and after it.
std::vector<ChartSeries> scoreSeries(const SparseTrial& trial);
// Part of the units in use that is new, by layer and exchange.
HeatMap exchangedMap(const SparseResults& results);
// Percent of the units in use of each layer, and what its layout wants.
std::vector<ChartSeries> densitySeries(const SparseResults& results);
// Accuracy over the cost so far, of this run and of those it may be compared with.
std::vector<ChartSeries> costSeries(const SparseResults& results);

}  // namespace vitrine
