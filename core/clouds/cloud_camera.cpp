#include "core/clouds/cloud_camera.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kSamples = size_t(1) << 16;

Vector3d along(const Vector3d& from, const Vector3d& direction, double distance) {
    return {from[0] + direction[0] * distance, from[1] + direction[1] * distance,
            from[2] + direction[2] * distance};
}

Vector3d column(const std::array<double, 9>& rotation, size_t index, double sign = 1) {
    return {sign * rotation[index], sign * rotation[index + 3], sign * rotation[index + 6]};
}

}  // namespace

double medianDistance(const PointCloud& cloud) {
    const Vector3d origin = cloud.camera ? cloud.camera->position : Vector3d{};
    const bool seenOnly = cloud.pixels.size() == cloud.pointCount() * 2;
    const size_t step = std::max<size_t>(1, cloud.pointCount() / kSamples);
    std::vector<double> distances;
    for (size_t point = 0; point < cloud.pointCount(); point += step) {
        if (seenOnly && std::isnan(cloud.pixels[point * 2]))
            continue;
        const float* at = &cloud.positions[point * 3];
        distances.push_back(
            std::hypot(double(at[0]) - origin[0], double(at[1]) - origin[1], double(at[2]) - origin[2]));
    }
    if (distances.empty())
        return 1;
    const auto middle = distances.begin() + std::ptrdiff_t(distances.size() / 2);
    std::nth_element(distances.begin(), middle, distances.end());
    return std::max(*middle, 1e-3);
}

CloudView viewOfCamera(const CloudCamera& camera, double targetDistance) {
    CloudView view;
    view.position = camera.position;
    view.target = along(camera.position, column(camera.rotation, 2), targetDistance);
    view.up = column(camera.rotation, 1, -1);
    view.verticalFieldOfView =
        2 * std::atan2(double(std::max<int64_t>(camera.height, 1)) / 2, camera.focalY) * 180 / M_PI;
    return view;
}

CloudView overviewOf(const PointCloud& cloud, UpAxis axis) {
    const Vector3d up = upVector(axis);
    CloudView view;
    view.up = up;
    if (cloud.camera) {
        const double distance = medianDistance(cloud);
        const Vector3d ahead = column(cloud.camera->rotation, 2);
        view.target = along(cloud.camera->position, ahead, distance);
        view.position = along(along(cloud.camera->position, ahead, -0.6 * distance), up, 0.45 * distance);
        view.verticalFieldOfView = 45;
        return view;
    }
    const CloudBounds bounds = robustBoundsOf(cloud);
    double radius = 0;
    for (size_t k = 0; k < 3; ++k) {
        view.target[k] = (bounds.low[k] + bounds.high[k]) / 2;
        radius = std::hypot(radius, (bounds.high[k] - bounds.low[k]) / 2);
    }
    // Two horizontal axes and up: from a corner, 30 degrees above the ground.
    const size_t upIndex = size_t(axis) / 2;
    Vector3d away{};
    away[(upIndex + 1) % 3] = -0.78;
    away[(upIndex + 2) % 3] = -0.55;
    away[upIndex] = 0.55 * up[upIndex];
    const double distance = std::max(radius, 1e-3) / std::sin(view.verticalFieldOfView / 2 * M_PI / 180) /
                            std::hypot(0.78, 0.55, 0.55);
    view.position = along(view.target, away, distance);
    return view;
}

}  // namespace vitrine
