#include "core/clouds/cloud_picture.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

Vector3d cross(const Vector3d& a, const Vector3d& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector3d& a, const Vector3d& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vector3d normalized(const Vector3d& v) {
    const double length = std::max(std::sqrt(dot(v, v)), 1e-12);
    return {v[0] / length, v[1] / length, v[2] / length};
}

struct Axes {
    Vector3d right, down, ahead;
};

Axes axesOf(const CloudView& view) {
    Axes axes;
    axes.ahead = normalized({view.target[0] - view.position[0], view.target[1] - view.position[1],
                             view.target[2] - view.position[2]});
    Vector3d right = cross(axes.ahead, view.up);
    if (dot(right, right) < 1e-12)  // looking along `up`
        right = std::abs(axes.ahead[0]) < 0.9 ? cross(axes.ahead, {1, 0, 0}) : cross(axes.ahead, {0, 1, 0});
    axes.right = normalized(right);
    axes.down = cross(axes.ahead, axes.right);
    return axes;
}

}  // namespace

Image drawCloud(const PointCloud& cloud, std::span<const uint8_t> rgb, const CloudView& view,
                const CloudPictureOptions& options) {
    VITRINE_CHECK(rgb.size() == cloud.positions.size(), "three bytes of colour per point are needed");
    Image image(options.size, 3, SampleType::U8);
    const int64_t width = image.width(), height = image.height();
    uint8_t* pixels = image.row<uint8_t>(0);
    for (int64_t pixel = 0; pixel < width * height; ++pixel) {
        pixels[pixel * 3] = options.background.r;
        pixels[pixel * 3 + 1] = options.background.g;
        pixels[pixel * 3 + 2] = options.background.b;
    }
    std::vector<float> depths(size_t(width * height), std::numeric_limits<float>::infinity());
    const Axes axes = axesOf(view);
    const double focal = double(height) / 2 / std::tan(view.verticalFieldOfView / 2 * M_PI / 180);
    const double nearest = 1e-3;
    const int before = (options.pointSize - 1) / 2;
    for (size_t point = 0; point < cloud.pointCount(); ++point) {
        const float* at = &cloud.positions[point * 3];
        const Vector3d offset{double(at[0]) - view.position[0], double(at[1]) - view.position[1],
                              double(at[2]) - view.position[2]};
        const double depth = dot(offset, axes.ahead);
        if (!(depth > nearest))
            continue;
        const double u = double(width) / 2 + focal * dot(offset, axes.right) / depth;
        const double v = double(height) / 2 + focal * dot(offset, axes.down) / depth;
        if (!(u >= -16 && v >= -16 && u < double(width) + 16 && v < double(height) + 16))
            continue;
        const int64_t left = int64_t(std::floor(u)) - before, top = int64_t(std::floor(v)) - before;
        for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + options.pointSize, height); ++y)
            for (int64_t x = std::max<int64_t>(left, 0); x < std::min(left + options.pointSize, width); ++x) {
                float& known = depths[size_t(y * width + x)];
                if (float(depth) >= known)
                    continue;
                known = float(depth);
                std::copy_n(rgb.data() + point * 3, 3, pixels + (y * width + x) * 3);
            }
    }
    return image;
}

}  // namespace vitrine
