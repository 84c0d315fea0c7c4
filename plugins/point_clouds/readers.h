// The readers of this plugin, one per file kind. Points that are not finite are left out everywhere: cameras
// and scanners mark "nothing measured" by NaN.
#pragma once

#include "core/plugins/point_cloud_reader.h"

namespace vitrine::clouds {

// <root>/velodyne/NAME.bin with, where they exist, <root>/calib/NAME.txt, image_2/NAME.png and
// label_2/NAME.txt. Frame "velodyne" (x forward, y left, z up); intensities are reflectances in [0,1].
PointCloudReader kittiReader();

// frame-N.depth.png (millimetres) with frame-N.pose.txt (world from camera) and camera-intrinsics.txt beside
// it. Frame "world"; the camera looks along its +z, y points down.
PointCloudReader rgbdReader();

// Polygon file format 1.0: ascii, binary_little_endian, binary_big_endian. Vertices only.
PointCloudReader plyReader();

// Point Cloud Library's format 0.7: ascii and binary.
PointCloudReader pcdReader();

}  // namespace vitrine::clouds
