// Pictures of clouds without a display: points as squares, the nearest wins.
#pragma once

#include "core/clouds/cloud_camera.h"
#include "core/media/color_map.h"
#include "core/media/image.h"

#include <span>

namespace vitrine {

struct CloudPictureOptions {
    ImageSize size{1600, 900};
    int pointSize = 2;  // pixels
    Rgb8 background{16, 17, 20};
};

// `rgb`: three bytes per point. 8-bit RGB.
Image drawCloud(const PointCloud& cloud, std::span<const uint8_t> rgb, const CloudView& view,
                const CloudPictureOptions& options);

}  // namespace vitrine
