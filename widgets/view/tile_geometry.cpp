#include "widgets/view/tile_geometry.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

int TileGeometry::levelCount() const {
    int levels = 1;
    for (int64_t side = std::max(size_.width, size_.height); side > kTileSide; side = (side + 1) / 2)
        ++levels;
    return levels;
}

ImageSize TileGeometry::levelSize(int level) const {
    ImageSize size = size_;
    for (int i = 0; i < level; ++i)
        size = {(size.width + 1) / 2, (size.height + 1) / 2};
    return size;
}

TileRect TileGeometry::tileRect(const TileKey& key) const {
    const ImageSize level = levelSize(key.level);
    const int64_t x = key.column * kTileSide, y = key.row * kTileSide;
    return {x, y, std::clamp<int64_t>(level.width - x, 0, kTileSide),
            std::clamp<int64_t>(level.height - y, 0, kTileSide)};
}

TileRect TileGeometry::borderedRect(const TileKey& key) const {
    const ImageSize level = levelSize(key.level);
    const TileRect inner = tileRect(key);
    const int64_t left = std::max<int64_t>(0, inner.x - 1), top = std::max<int64_t>(0, inner.y - 1);
    const int64_t right = std::min(level.width, inner.x + inner.width + 1);
    const int64_t bottom = std::min(level.height, inner.y + inner.height + 1);
    return {left, top, right - left, bottom - top};
}

int TileGeometry::levelForScale(double scale) const {
    if (scale >= 1.0 || scale <= 0.0)
        return 0;
    const int level = int(std::floor(-std::log2(scale) + 1e-9));
    return std::clamp(level, 0, levelCount() - 1);
}

std::vector<TileKey> TileGeometry::visibleTiles(int level, const QRectF& region) const {
    const ImageSize size = levelSize(level);
    const double factor = 1.0 / double(int64_t(1) << level);
    const auto clampTo = [](double value, int64_t limit) {
        return int64_t(std::clamp(value, 0.0, double(limit)));
    };
    const int64_t left = clampTo(std::floor(region.left() * factor), size.width) / kTileSide;
    const int64_t top = clampTo(std::floor(region.top() * factor), size.height) / kTileSide;
    const int64_t right = clampTo(std::ceil(region.right() * factor), size.width);
    const int64_t bottom = clampTo(std::ceil(region.bottom() * factor), size.height);
    std::vector<TileKey> keys;
    for (int64_t row = top; row * kTileSide < bottom; ++row)
        for (int64_t column = left; column * kTileSide < right; ++column)
            keys.push_back({level, column, row});
    const double centreX = region.center().x() * factor / kTileSide - 0.5;
    const double centreY = region.center().y() * factor / kTileSide - 0.5;
    const auto distance = [&](const TileKey& key) {
        return std::hypot(double(key.column) - centreX, double(key.row) - centreY);
    };
    std::stable_sort(keys.begin(), keys.end(),
                     [&](const TileKey& a, const TileKey& b) { return distance(a) < distance(b); });
    return keys;
}

}  // namespace vitrine
