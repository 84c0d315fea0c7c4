#include "core/clouds/cloud_geometry.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kRobustSamples = size_t(1) << 16;
constexpr const char* kNames[] = {"x", "-x", "y", "-y", "z", "-z"};

}  // namespace

CloudBounds boundsOf(const PointCloud& cloud) {
    CloudBounds bounds;
    for (size_t index = 0; index < cloud.positions.size(); ++index) {
        const size_t axis = index % 3;
        const double value = cloud.positions[index];
        bounds.low[axis] = index < 3 ? value : std::min(bounds.low[axis], value);
        bounds.high[axis] = index < 3 ? value : std::max(bounds.high[axis], value);
    }
    return bounds;
}

CloudBounds robustBoundsOf(const PointCloud& cloud) {
    CloudBounds bounds;
    const size_t count = cloud.pointCount(), step = std::max<size_t>(1, count / kRobustSamples);
    std::vector<float> values;
    for (size_t axis = 0; axis < 3 && count > 0; ++axis) {
        values.clear();
        for (size_t index = 0; index < count; index += step)
            values.push_back(cloud.positions[index * 3 + axis]);
        const size_t cut = values.size() / 50, last = values.size() - 1 - cut;
        std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(cut), values.end());
        bounds.low[axis] = values[cut];
        std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(last), values.end());
        bounds.high[axis] = values[last];
    }
    return bounds;
}

const std::vector<UpAxis>& allUpAxes() {
    static const std::vector<UpAxis> axes{UpAxis::PlusZ,  UpAxis::PlusY, UpAxis::MinusY,
                                          UpAxis::MinusZ, UpAxis::PlusX, UpAxis::MinusX};
    return axes;
}

std::string upAxisName(UpAxis axis) {
    return kNames[size_t(axis)];
}

UpAxis upAxisFromName(std::string_view name) {
    for (const UpAxis axis : allUpAxes())
        if (name == kNames[size_t(axis)])
            return axis;
    return UpAxis::PlusZ;
}

Vector3d upVector(UpAxis axis) {
    Vector3d up{};
    up[size_t(axis) / 2] = size_t(axis) % 2 == 0 ? 1 : -1;
    return up;
}

UpAxis likelyUpAxis(const PointCloud& cloud) {
    if (!cloud.camera)
        return UpAxis::PlusZ;
    // The camera's y points down: its second column, turned round.
    UpAxis best = UpAxis::PlusZ;
    double most = -2;
    for (const UpAxis axis : allUpAxes()) {
        const Vector3d up = upVector(axis);
        double along = 0;
        for (size_t k = 0; k < 3; ++k)
            along -= up[k] * cloud.camera->rotation[k * 3 + 1];
        if (along > most) {
            most = along;
            best = axis;
        }
    }
    return best;
}

}  // namespace vitrine
