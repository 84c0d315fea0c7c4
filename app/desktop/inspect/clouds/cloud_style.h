// How the 3-D view shows clouds, as plain data: goes to the session and into undo steps.
#pragma once

#include "core/base/json.h"
#include "core/clouds/cloud_colors.h"

namespace vitrine {

struct CloudStyle {
    std::optional<CloudColoring> coloring;  // none: the most telling one of each cloud
    ColorMap colorMap = ColorMap::Turbo;
    double clipPercent = 1;
    double pointSize = 2;      // device-independent pixels
    std::optional<UpAxis> up;  // none: as the cloud's camera stands
    bool grid = true;
    bool boxes = true;
    bool operator==(const CloudStyle&) const = default;

    Json toJson() const;
    // Unknown or missing fields keep their defaults.
    static CloudStyle fromJson(const Json& json);
    // For this cloud: a colouring that it does not have falls back to its first.
    CloudColorOptions optionsFor(const PointCloud& cloud) const;
    UpAxis upFor(const PointCloud& cloud) const;
};

// What the user reads: "Picture", "Height".
const char* coloringTitle(CloudColoring coloring);

}  // namespace vitrine
