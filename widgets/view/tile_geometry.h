// Arithmetic of an image pyramid cut into square tiles. Level 0 is the picture itself; each further level
// halves both sides, rounded up.
#pragma once

#include "core/media/image.h"

#include <QRectF>
#include <cstdint>
#include <functional>
#include <vector>

namespace vitrine {

struct TileKey {
    int level = 0;
    int64_t column = 0;
    int64_t row = 0;
    bool operator==(const TileKey&) const = default;
};

struct TileKeyHash {
    size_t operator()(const TileKey& key) const {
        return std::hash<int64_t>()((key.column << 28) ^ (key.row << 6) ^ key.level);
    }
};

// Pixels of one level: [x, x + width) × [y, y + height).
struct TileRect {
    int64_t x = 0, y = 0, width = 0, height = 0;
    bool operator==(const TileRect&) const = default;
};

class TileGeometry {
  public:
    static constexpr int64_t kTileSide = 512;

    TileGeometry() = default;
    explicit TileGeometry(ImageSize size) : size_(size) {}

    ImageSize size() const { return size_; }
    // Number of levels until the whole picture fits one tile.
    int levelCount() const;
    ImageSize levelSize(int level) const;
    // The tile's own pixels, cut at the picture's edge.
    TileRect tileRect(const TileKey& key) const;
    // With one pixel of the neighbours around it where there are any: linear filtering then shows no seams.
    TileRect borderedRect(const TileKey& key) const;
    // The level whose pixels are nearest to, and not larger than twice, a screen pixel at `scale` screen
    // pixels per picture pixel: 1 and more is level 0, below 1/2 level 1, below 1/4 level 2.
    int levelForScale(double scale) const;
    // Tiles of `level` that meet `region` (in level-0 pixels), nearest to its centre first.
    std::vector<TileKey> visibleTiles(int level, const QRectF& region) const;

  private:
    ImageSize size_;
};

}  // namespace vitrine
