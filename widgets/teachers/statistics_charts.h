// Statistics of teachers as curves, bars and a table.
#pragma once

#include "widgets/base/data_table.h"
#include "widgets/plots/chart.h"
#include "widgets/teachers/teacher_statistics.h"

namespace vitrine {

// "clip", or "clip, layer 3" where a teacher has several streams.
QStringList statisticsNames(const TeacherStatisticsList& list);
// Normalisers that were fitted for any of them, in the order of the first.
QStringList normalizersOf(const TeacherStatisticsList& list);

TableContent statisticsTable(const TeacherStatisticsList& list);
// Share of the variance along each direction of the covariance, numbered from 1; nothing below rounding.
std::vector<ChartSeries> spectrumSeries(const TeacherStatisticsList& list);
// Variances of the channels, the largest first, before (dashed) and after the normaliser.
std::vector<ChartSeries> varianceSeries(const TeacherStatisticsList& list, const QString& normalizer);
// Density (1 / unit of x) of the values, or of the norms of the vectors.
std::vector<ChartSeries> histogramSeries(const TeacherStatisticsList& list, bool norms);
// Root mean square of the channels' deviations before and after the normaliser: what a squared error that is
// averaged over channels sees of each teacher. Bars at 0, 1, ...
std::vector<ChartSeries> balanceSeries(const TeacherStatisticsList& list, const QString& normalizer);
// "largest / smallest: 12.4 before, 1.00 after phi-s"; empty for a single stream.
QString balanceText(const TeacherStatisticsList& list, const QString& normalizer);

}  // namespace vitrine
