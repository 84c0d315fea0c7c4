// Point clouds through the readers of plugins. The plugins are loaded at the first call; after that the list
// does not change. Any thread.
#pragma once

#include "core/plugins/point_cloud_reader.h"

namespace vitrine {

const std::vector<PointCloudReader>& pointCloudReaders();

// The reader that takes this file, by its name and neighbours; null: none.
const PointCloudReader* pointCloudReaderOf(const std::filesystem::path& file);

// Errors: NotFound; Unsupported where no reader takes the file (the hint names those that there are);
// Cancelled; what the reader says. What a plugin throws becomes Internal.
Result<PointCloud> readPointCloud(const std::filesystem::path& file, JobContext& job);

// The cloud that was taken together with a picture, by their names.
std::optional<std::filesystem::path> cloudOfPicture(const std::filesystem::path& picture);

// The clouds of a folder and one level below it ("velodyne/"), in natural order; hidden files are left out.
std::vector<std::filesystem::path> listPointClouds(const std::filesystem::path& folder);

}  // namespace vitrine
