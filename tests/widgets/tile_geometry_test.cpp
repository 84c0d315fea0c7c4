#include "widgets/view/tile_geometry.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(TileGeometry, LevelsHalveRoundedUpUntilOneTile) {
    const TileGeometry geometry({30'000, 20'001});
    EXPECT_EQ(geometry.levelCount(), 7);
    EXPECT_EQ(geometry.levelSize(1), (ImageSize{15'000, 10'001}));
    EXPECT_EQ(geometry.levelSize(6), (ImageSize{469, 313}));
    EXPECT_EQ(TileGeometry({512, 512}).levelCount(), 1);
    EXPECT_EQ(TileGeometry({513, 1}).levelCount(), 2);
}

TEST(TileGeometry, TilesCoverEveryPixelOnce) {
    const TileGeometry geometry({1300, 700});
    for (int level = 0; level < geometry.levelCount(); ++level) {
        const ImageSize size = geometry.levelSize(level);
        int64_t area = 0;
        for (const TileKey& key : geometry.visibleTiles(level, QRectF(0, 0, 1300, 700))) {
            const TileRect rect = geometry.tileRect(key);
            area += rect.width * rect.height;
        }
        EXPECT_EQ(area, size.width * size.height) << "level " << level;
    }
}

TEST(TileGeometry, BordersStayInsideThePicture) {
    const TileGeometry geometry({1100, 600});
    EXPECT_EQ(geometry.borderedRect({0, 0, 0}), (TileRect{0, 0, 513, 513}));
    EXPECT_EQ(geometry.borderedRect({0, 1, 0}), (TileRect{511, 0, 514, 513}));
    EXPECT_EQ(geometry.borderedRect({0, 2, 1}), (TileRect{1023, 511, 77, 89}));
}

TEST(TileGeometry, LevelFollowsScale) {
    const TileGeometry geometry({30'000, 30'000});
    EXPECT_EQ(geometry.levelForScale(8), 0);
    EXPECT_EQ(geometry.levelForScale(1), 0);
    EXPECT_EQ(geometry.levelForScale(0.51), 0);
    EXPECT_EQ(geometry.levelForScale(0.5), 1);
    EXPECT_EQ(geometry.levelForScale(0.1), 3);
    EXPECT_EQ(geometry.levelForScale(1e-6), geometry.levelCount() - 1);
}

TEST(TileGeometry, VisibleTilesAreFewAndNearestFirst) {
    const TileGeometry geometry({30'000, 30'000});
    const auto tiles = geometry.visibleTiles(0, QRectF(10'000, 10'000, 1600, 900));
    EXPECT_LE(tiles.size(), 15u);
    ASSERT_FALSE(tiles.empty());
    EXPECT_EQ(tiles.front(), (TileKey{0, 21, 20}));
    EXPECT_TRUE(geometry.visibleTiles(0, QRectF(-5000, 0, 100, 100)).empty());
}

}  // namespace
}  // namespace vitrine
