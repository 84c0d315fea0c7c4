// Where a cloud is looked at from.
#pragma once

#include "core/clouds/cloud_geometry.h"

namespace vitrine {

struct CloudView {
    Vector3d position{}, target{}, up{0, 0, 1};  // metres; `up` need not be at right angles
    double verticalFieldOfView = 40;             // degrees
};

// From behind and above the camera that took the picture, or, without one, on the whole cloud from an
// elevated corner.
CloudView overviewOf(const PointCloud& cloud, UpAxis up);
// What the camera saw.
CloudView viewOfCamera(const CloudCamera& camera, double targetDistance);
// Median distance of the points from the camera, or from the origin without one; metres.
double medianDistance(const PointCloud& cloud);

}  // namespace vitrine
