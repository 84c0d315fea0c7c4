// What the points of a cloud are coloured by: their own colours, the picture, or a scalar through a colour
// map.
#pragma once

#include "core/clouds/cloud_geometry.h"
#include "core/media/color_map.h"
#include "core/media/image.h"
#include "core/media/value_range.h"

#include <span>
#include <string_view>

namespace vitrine {

enum class CloudColoring {
    Own,        // stored in the file
    Picture,    // the picture's colour at each point's pixel; points outside the picture are grey
    Height,     // along the upward axis, metres
    Distance,   // from the camera, or the origin without one, metres
    Intensity,  // as stored
};
// "own", "picture", "height", "distance", "intensity".
std::string cloudColoringName(CloudColoring coloring);
std::optional<CloudColoring> cloudColoringFromName(std::string_view name);
// Those that this cloud can be coloured by, the most telling first.
std::vector<CloudColoring> coloringsOf(const PointCloud& cloud);

struct CloudColorOptions {
    CloudColoring coloring = CloudColoring::Height;
    ColorMap colorMap = ColorMap::Turbo;
    double clipPercent = 1;  // of a scalar's values, at each end
    UpAxis up = UpAxis::PlusZ;
    bool operator==(const CloudColorOptions&) const = default;
};

struct CloudColors {
    std::vector<uint8_t> rgb;  // three per point
    bool scalar = false;       // range, colorMap and unit mean something
    ColorMap colorMap = ColorMap::Turbo;
    ValueRange range;
    std::string title;  // "height"
    std::string unit;   // "m"; empty where there is none
};

// `picture` is needed for CloudColoring::Picture and must have the size that the calibration is made for.
// InvalidArgument where the cloud has no such values, ShapeMismatch for a picture of another size.
Result<CloudColors> colorsOf(const PointCloud& cloud, const Image* picture, const CloudColorOptions& options);

// Distance of a point from the camera, or from the origin without one; metres.
double distanceOf(const PointCloud& cloud, size_t point);

}  // namespace vitrine
