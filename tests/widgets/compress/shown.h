// What a view shows, by the names of its parts.
#pragma once

#include "widgets/plots/chart.h"

#include <gtest/gtest.h>

#include <QLabel>

namespace vitrine {

inline std::string textOfLabel(const QWidget& view, const char* name) {
    const auto* label = view.findChild<QLabel*>(name);
    return label ? label->text().toStdString() : "there is no label " + std::string(name);
}

inline const std::vector<ChartSeries>& seriesIn(const QWidget& view, const char* name) {
    const auto* chart = view.findChild<Chart*>(name);
    static const std::vector<ChartSeries> none;
    EXPECT_TRUE(chart) << name;
    return chart ? chart->series() : none;
}

}  // namespace vitrine
