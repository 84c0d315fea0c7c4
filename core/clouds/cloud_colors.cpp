#include "core/clouds/cloud_colors.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr const char* kNames[] = {"own", "picture", "height", "distance", "intensity"};
constexpr Rgb8 kUnseen{92, 96, 104};  // points that the picture does not show

bool hasOwnColors(const PointCloud& cloud) {
    return !cloud.colors.empty() && cloud.colors.size() == cloud.positions.size();
}

bool hasPixels(const PointCloud& cloud) {
    return !cloud.pixels.empty() && cloud.pixels.size() == cloud.pointCount() * 2;
}

bool hasIntensities(const PointCloud& cloud) {
    return !cloud.intensities.empty() && cloud.intensities.size() == cloud.pointCount();
}

Failure missing(const char* what) {
    return fail(ErrorCode::InvalidArgument, fmt::format("the cloud has no {}", what));
}

Result<CloudColors> colorsFromPicture(const PointCloud& cloud, const Image* picture) {
    if (!hasPixels(cloud))
        return missing("calibration with its picture");
    if (!picture || picture->empty())
        return missing("picture");
    if (cloud.camera &&
        (picture->width() != cloud.camera->width || picture->height() != cloud.camera->height))
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("the picture has {} x {} pixels, the calibration is made for {} x {}",
                        picture->width(), picture->height(), cloud.camera->width, cloud.camera->height));
    const Image rgb = picture->toRgb8();
    CloudColors colors;
    colors.title = "picture";
    colors.rgb.reserve(cloud.positions.size());
    for (size_t point = 0; point < cloud.pointCount(); ++point) {
        const float u = cloud.pixels[point * 2], v = cloud.pixels[point * 2 + 1];
        const int64_t x = std::isfinite(u) ? std::lround(u) : -1, y = std::isfinite(v) ? std::lround(v) : -1;
        const bool seen = x >= 0 && y >= 0 && x < rgb.width() && y < rgb.height();
        const uint8_t* sample = seen ? rgb.row<uint8_t>(y) + x * 3 : nullptr;
        const Rgb8 color = seen ? Rgb8{sample[0], sample[1], sample[2]} : kUnseen;
        colors.rgb.insert(colors.rgb.end(), {color.r, color.g, color.b});
    }
    return colors;
}

Result<std::vector<float>> scalarsOf(const PointCloud& cloud, const CloudColorOptions& options) {
    if (options.coloring == CloudColoring::Intensity) {
        if (!hasIntensities(cloud))
            return missing("intensities");
        return cloud.intensities;
    }
    std::vector<float> values(cloud.pointCount());
    const size_t axis = size_t(options.up) / 2;
    const float sign = size_t(options.up) % 2 == 0 ? 1.0f : -1.0f;
    for (size_t point = 0; point < values.size(); ++point)
        values[point] = options.coloring == CloudColoring::Height ? sign * cloud.positions[point * 3 + axis]
                                                                  : float(distanceOf(cloud, point));
    return values;
}

}  // namespace

std::string cloudColoringName(CloudColoring coloring) {
    return kNames[size_t(coloring)];
}

std::optional<CloudColoring> cloudColoringFromName(std::string_view name) {
    for (size_t index = 0; index < std::size(kNames); ++index)
        if (name == kNames[index])
            return CloudColoring(index);
    return std::nullopt;
}

std::vector<CloudColoring> coloringsOf(const PointCloud& cloud) {
    std::vector<CloudColoring> colorings;
    if (hasOwnColors(cloud))
        colorings.push_back(CloudColoring::Own);
    else if (hasPixels(cloud) && cloud.picture)
        colorings.push_back(CloudColoring::Picture);
    colorings.push_back(CloudColoring::Height);
    colorings.push_back(CloudColoring::Distance);
    if (hasIntensities(cloud))
        colorings.push_back(CloudColoring::Intensity);
    return colorings;
}

double distanceOf(const PointCloud& cloud, size_t point) {
    const Vector3d origin = cloud.camera ? cloud.camera->position : Vector3d{};
    const float* at = &cloud.positions[point * 3];
    return std::hypot(double(at[0]) - origin[0], double(at[1]) - origin[1], double(at[2]) - origin[2]);
}

Result<CloudColors> colorsOf(const PointCloud& cloud, const Image* picture,
                             const CloudColorOptions& options) {
    if (options.coloring == CloudColoring::Picture)
        return colorsFromPicture(cloud, picture);
    CloudColors colors;
    if (options.coloring == CloudColoring::Own) {
        if (!hasOwnColors(cloud))
            return missing("colours of its own");
        colors.title = "own colours";
        colors.rgb = cloud.colors;
        return colors;
    }
    VITRINE_TRY(const std::vector<float> values, scalarsOf(cloud, options));
    colors.scalar = true;
    colors.colorMap = options.colorMap;
    colors.range = ValueDistribution(values).range(options.clipPercent);
    colors.title = cloudColoringName(options.coloring);
    colors.unit = options.coloring == CloudColoring::Intensity ? "" : "m";
    colors.rgb.reserve(cloud.positions.size());
    for (const float value : values) {
        const Rgb8 color = colorOf(options.colorMap, double(value), colors.range.low, colors.range.high);
        colors.rgb.insert(colors.rgb.end(), {color.r, color.g, color.b});
    }
    return colors;
}

}  // namespace vitrine
