// A matrix as a labelled picture with a colour bar, for files that are looked at without the program.
#pragma once

#include "core/base/result.h"
#include "core/media/color_map.h"
#include "core/media/image.h"

#include <string>
#include <vector>

namespace vitrine {

struct HeatMapPicture {
    std::vector<double> values;  // rows x columns
    size_t rows = 0, columns = 0;
    double low = 0, high = 1;  // of the colours
    ColorMap colors = ColorMap::Viridis;
    // ASCII. Labels of rows and columns; as many as fit are written. Empty: none.
    std::vector<std::string> rowLabels, columnLabels;
    std::string title, rowTitle, columnTitle;
    bool rowsUpwards = false;  // the first row lies at the bottom, as layers of a comparison are shown
};

// 8-bit RGB, black on white. InvalidArgument if the sizes do not fit; Unsupported in a build without OpenCV.
Result<Image> drawHeatMap(const HeatMapPicture& picture);

}  // namespace vitrine
