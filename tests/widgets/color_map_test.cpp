#include "core/media/color_map.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

TEST(ColorMap, EndsAndMiddleAreThePublishedColours) {
    EXPECT_EQ(colorOf(ColorMap::Viridis, 0, 0, 1), (Rgb8{0x44, 0x01, 0x54}));
    EXPECT_EQ(colorOf(ColorMap::Viridis, 1, 0, 1), (Rgb8{0xfd, 0xe7, 0x25}));
    EXPECT_EQ(colorOf(ColorMap::Magma, 5, 0, 5), (Rgb8{0xfc, 0xfd, 0xbf}));
    EXPECT_EQ(colorOf(ColorMap::Grey, 0.5, 0, 1), (Rgb8{128, 128, 128}));
    // coolwarm's middle is a neutral grey
    const Rgb8 middle = colorOf(ColorMap::Coolwarm, 0, -1, 1);
    EXPECT_NEAR(middle.r, middle.b, 4);
}

TEST(ColorMap, OutsideIsClampedAndNanIsNeutral) {
    EXPECT_EQ(colorOf(ColorMap::Turbo, -9, 0, 1), colorOf(ColorMap::Turbo, 0, 0, 1));
    EXPECT_EQ(colorOf(ColorMap::Turbo, 9, 0, 1), colorOf(ColorMap::Turbo, 1, 0, 1));
    EXPECT_EQ(colorOf(ColorMap::Turbo, std::nan(""), 0, 1), (Rgb8{48, 48, 52}));
    EXPECT_EQ(colorOf(ColorMap::Viridis, 3, 3, 3), colorOf(ColorMap::Viridis, 1, 0, 1));
}

TEST(ColorMap, NamesRoundTrip) {
    for (const ColorMap map : allColorMaps())
        EXPECT_EQ(colorMapFromName(colorMapName(map)), map);
    EXPECT_EQ(colorMapFromName("no such map"), ColorMap::Viridis);
}

}  // namespace
}  // namespace vitrine
