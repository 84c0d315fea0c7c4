// Writes clouds as PLY, binary little endian.
#pragma once

#include "core/plugins/point_cloud_reader.h"

#include <span>

namespace vitrine {

// Vertices with x, y, z (float, metres), red, green, blue where `rgb` has three bytes per point (empty:
// none), intensity where the cloud has it. Comments name frame and unit. The file appears whole or not at
// all.
Result<void> writePly(const std::filesystem::path& file, const PointCloud& cloud,
                      std::span<const uint8_t> rgb, JobContext& job);

}  // namespace vitrine
