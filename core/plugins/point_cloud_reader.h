// Point clouds and RGB-D frames as plugins read them and the 3-D view shows them.
#pragma once

#include "core/base/job_context.h"
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

// The pinhole camera that took a picture, in the frame of the cloud's points. Its own axes: x right, y down,
// z ahead.
struct CloudCamera {
    std::array<double, 9> rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};  // cloud_from_camera, row-major
    std::array<double, 3> position{};                           // metres
    double focalX = 1, focalY = 1, centerX = 0, centerY = 0;    // pixels; pixel centres at whole numbers
    int64_t width = 0, height = 0;                              // of the picture, pixels
};

struct PointCloud {
    std::vector<float> positions;    // x, y, z per point, in metres
    std::vector<uint8_t> colors;     // r, g, b per point; empty if none
    std::vector<float> intensities;  // one per point; empty if none
    std::string frame;               // "velodyne", "camera", "world": what the axes mean
    std::vector<Box3> boxes;
    std::optional<std::filesystem::path> picture;  // the picture taken together with it
    // Pixel (u, v) of each point in that picture, centres at whole numbers; NaN where it is not seen. Empty
    // if there is no calibration.
    std::vector<float> pixels;
    std::optional<CloudCamera> camera;  // of that picture

    size_t pointCount() const { return positions.size() / 3; }
};

struct PointCloudReader {
    std::string name;
    std::vector<std::string> extensions;  // ".bin", ".ply"; lower case
    // Looks at the path and its neighbours only ("is there a calib file beside it?").
    std::function<bool(const std::filesystem::path&)> recognizes;
    // Reports progress and answers a stop request of a long read (Cancelled).
    std::function<Result<PointCloud>(const std::filesystem::path&, JobContext&)> read;
    // The cloud taken together with a picture, by their names; may be empty.
    std::function<std::optional<std::filesystem::path>(const std::filesystem::path& picture)> cloudOfPicture =
        {};
};

}  // namespace vitrine
