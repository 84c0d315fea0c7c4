// Error circles of normalisers as curves.
#pragma once

#include "core/engine/teacher_engine.h"
#include "widgets/plots/chart.h"

namespace vitrine {

// In the plane of the two channels: one closed curve for each normaliser, then the places of the errors of
// normalised channel 1 and of channel 2 alone (0° and 90°) as points of its colour.
std::vector<ChartSeries> errorPlaneSeries(const ErrorContours& contours);
// How long a normalised error of length 1 is in the teacher's units, by its direction in normalised space in
// degrees. Flat where all errors weigh alike.
std::vector<ChartSeries> errorRadiusSeries(const ErrorContours& contours);
// "channels 3 and 17 of 1280: deviations 1.2 and 0.4, correlation 0.62"
QString errorFactsText(const ErrorContours& contours);

}  // namespace vitrine
