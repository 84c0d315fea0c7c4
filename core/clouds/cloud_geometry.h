// Extent and upward direction of a cloud.
#pragma once

#include "core/plugins/point_cloud_reader.h"

#include <string_view>

namespace vitrine {

using Vector3d = std::array<double, 3>;

struct CloudBounds {
    Vector3d low{}, high{};  // metres
};

// Of all points; zero for an empty cloud.
CloudBounds boundsOf(const PointCloud& cloud);
// Of the middle 96 % along each axis: a few stray points do not count. Looks at 65,536 points at most.
CloudBounds robustBoundsOf(const PointCloud& cloud);

// Which axis of the cloud points up: "z", "-y" (files do not say).
enum class UpAxis { PlusX, MinusX, PlusY, MinusY, PlusZ, MinusZ };
const std::vector<UpAxis>& allUpAxes();
std::string upAxisName(UpAxis axis);
UpAxis upAxisFromName(std::string_view name);  // +z for an unknown one
Vector3d upVector(UpAxis axis);
// Nearest to the camera's up, where there is a camera; else +z.
UpAxis likelyUpAxis(const PointCloud& cloud);

}  // namespace vitrine
