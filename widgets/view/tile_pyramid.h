// The reduced levels of one picture, made off the interface thread when a view first asks for them (of a
// small picture or map at once: less than a frame, and nothing has to be shown meanwhile). Until a level is
// there, its tiles are sampled from the picture directly (every n-th pixel), so that a huge picture is seen
// at once.
#pragma once

#include "widgets/view/tile_geometry.h"

#include <QObject>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace vitrine {

// Samples of one tile, border included; `owner` keeps them alive.
struct TilePixels {
    std::shared_ptr<const Image> owner;
    TileRect rect;        // of the level, border included
    int64_t offsetX = 0;  // of rect's top left pixel inside `owner`
    int64_t offsetY = 0;
    bool provisional = false;  // sampled, to be replaced when the level is built
};

class TilePyramid : public QObject, public std::enable_shared_from_this<TilePyramid> {
    Q_OBJECT
  public:
    // The pyramid of `image`: views of the same picture share it.
    static std::shared_ptr<TilePyramid> of(std::shared_ptr<const Image> image);

    const Image& image() const { return *image_; }
    const TileGeometry& geometry() const { return geometry_; }
    // The tile if its pixels are in memory; otherwise starts making them and returns one without owner.
    // changed() follows.
    TilePixels tile(const TileKey& key);
    bool levelReady(int level) const;
    // Mean of each 2×2 block (at odd edges of what is there).
    static Image halved(const Image& image);

  signals:
    // New pixels can be had (sent from a worker thread).
    void changed();

  private:
    explicit TilePyramid(std::shared_ptr<const Image> image);
    void buildSmall();
    void startBuilding();
    void startSampling(const TileKey& key);

    std::shared_ptr<const Image> image_;
    TileGeometry geometry_;
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<const Image>> levels_;  // [0] is the picture; null: not built
    std::unordered_map<TileKey, std::shared_ptr<const Image>, TileKeyHash> sampled_;
    std::unordered_set<TileKey, TileKeyHash> sampling_;
    bool building_ = false;
};

}  // namespace vitrine
