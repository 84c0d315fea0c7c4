#include "core/clouds/pixel_index.h"

#include "core/clouds/cloud_colors.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr double kCell = 16;          // pixels
constexpr float kMaxPixel = 1 << 20;  // what claims to lie beyond is no pixel
constexpr double kHidingRange = 1.0;  // pixels

}  // namespace

PixelIndex::PixelIndex(const PointCloud& cloud) {
    const size_t count = cloud.pointCount();
    if (cloud.pixels.size() != count * 2 || count > std::numeric_limits<uint32_t>::max())
        return;
    float width = 0, height = 0;
    for (size_t point = 0; point < count; ++point) {
        const float u = cloud.pixels[point * 2], v = cloud.pixels[point * 2 + 1];
        if (!(u >= 0 && v >= 0 && u < kMaxPixel && v < kMaxPixel))
            continue;
        width = std::max(width, u);
        height = std::max(height, v);
        points_.push_back({u, v, float(distanceOf(cloud, point)), uint32_t(point)});
    }
    if (points_.empty())
        return;
    columns_ = int64_t(double(width) / kCell) + 1;
    rows_ = int64_t(double(height) / kCell) + 1;
    const auto cellOf = [this](const Seen& seen) {
        return size_t(int64_t(double(seen.v) / kCell) * columns_ + int64_t(double(seen.u) / kCell));
    };
    std::sort(points_.begin(), points_.end(),
              [&](const Seen& a, const Seen& b) { return cellOf(a) < cellOf(b); });
    first_.assign(size_t(columns_ * rows_) + 1, 0);
    for (const Seen& seen : points_)
        ++first_[cellOf(seen) + 1];
    for (size_t cell = 1; cell < first_.size(); ++cell)
        first_[cell] += first_[cell - 1];
}

std::optional<size_t> PixelIndex::nearest(double u, double v, double radius) const {
    if (points_.empty() || !std::isfinite(u) || !std::isfinite(v))
        return std::nullopt;
    const auto clampCell = [](double pixel, int64_t cells) {
        return std::clamp<int64_t>(int64_t(std::floor(pixel / kCell)), 0, cells - 1);
    };
    const int64_t left = clampCell(u - radius, columns_), right = clampCell(u + radius, columns_);
    const int64_t top = clampCell(v - radius, rows_), bottom = clampCell(v + radius, rows_);
    std::vector<std::pair<double, const Seen*>> near;
    double best = radius;
    for (int64_t row = top; row <= bottom; ++row)
        for (int64_t column = left; column <= right; ++column) {
            const size_t cell = size_t(row * columns_ + column);
            for (uint32_t index = first_[cell]; index < first_[cell + 1]; ++index) {
                const Seen& seen = points_[index];
                const double away = std::hypot(double(seen.u) - u, double(seen.v) - v);
                if (away > best + kHidingRange || away > radius)
                    continue;
                best = std::min(best, away);
                near.emplace_back(away, &seen);
            }
        }
    const Seen* chosen = nullptr;
    for (const auto& [away, seen] : near)
        if (away <= best + kHidingRange && (!chosen || seen->distance < chosen->distance))
            chosen = seen;
    return chosen ? std::optional<size_t>(chosen->point) : std::nullopt;
}

}  // namespace vitrine
