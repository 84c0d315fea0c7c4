// Curves as a labelled picture, for files that are looked at without the program.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <string>
#include <vector>

namespace vitrine {

struct LineChartSeries {
    std::string name;  // ASCII
    std::vector<double> x, y;
};

struct LineChartPicture {
    std::vector<LineChartSeries> series;
    std::string title, xTitle, yTitle;  // ASCII
    bool fromZero = true;               // the y axis begins at 0 where no value lies below
};

// 8-bit RGB on white, curves with a mark at each point, a legend. InvalidArgument for a series without points
// or with x and y of different lengths, or values that are not finite; Unsupported in a build without OpenCV.
Result<Image> drawLineChart(const LineChartPicture& picture);

}  // namespace vitrine
