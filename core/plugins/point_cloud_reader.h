// Point clouds and RGB-D frames as plugins read them and the 3-D view shows them.
#pragma once

#include "core/base/result.h"

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

// An oriented box, in the frame of the cloud's points.
struct Box3 {
    std::array<double, 3> center{};
    std::array<double, 3> size{};                               // along its own axes, in metres
    std::array<double, 9> rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};  // world_from_box, row-major
    std::string label;
};

struct PointCloud {
    std::vector<float> positions;    // x, y, z per point, in metres
    std::vector<uint8_t> colors;     // r, g, b per point; empty if none
    std::vector<float> intensities;  // one per point; empty if none
    std::string frame;               // "velodyne", "camera", "world": what the axes mean
    std::vector<Box3> boxes;
    std::optional<std::filesystem::path> picture;  // the picture taken together with it
    // Pixel (u, v) of each point in that picture, NaN where it is not seen; empty if there is no calibration.
    std::vector<float> pixels;

    size_t pointCount() const { return positions.size() / 3; }
};

struct PointCloudReader {
    std::string name;
    std::vector<std::string> extensions;  // ".bin", ".ply"; lower case
    // Looks at the path and its neighbours only ("is there a calib file beside it?").
    std::function<bool(const std::filesystem::path&)> recognizes;
    std::function<Result<PointCloud>(const std::filesystem::path&)> read;
};

}  // namespace vitrine
