// Which point of a cloud is seen at a pixel of its picture.
#pragma once

#include "core/plugins/point_cloud_reader.h"

#include <cstdint>

namespace vitrine {

class PixelIndex {
  public:
    PixelIndex() = default;
    explicit PixelIndex(const PointCloud& cloud);

    bool empty() const { return points_.empty(); }
    // The point whose pixel is nearest to (u, v) (centres at whole numbers) and not farther than `radius`
    // pixels. Of several within a pixel of the nearest, the one closest to the camera: it hides the others.
    std::optional<size_t> nearest(double u, double v, double radius) const;

  private:
    struct Seen {
        float u, v, distance;  // pixels, pixels, metres from the camera
        uint32_t point;
    };
    std::vector<Seen> points_;     // sorted by cell
    std::vector<uint32_t> first_;  // of each cell in points_; one more entry at the end
    int64_t columns_ = 0, rows_ = 0;
};

}  // namespace vitrine
