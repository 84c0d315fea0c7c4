#include "core/media/color_map.h"

#include "widgets/base/value_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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

TEST(ValueRange, PercentilesInterpolate) {
    std::vector<float> values(101);
    std::iota(values.begin(), values.end(), 0.0f);
    std::reverse(values.begin(), values.end());
    EXPECT_EQ(percentileRange(values, 0), (ValueRange{0, 100}));
    EXPECT_EQ(percentileRange(values, 10), (ValueRange{10, 90}));
    EXPECT_NEAR(percentileRange(values, 0.5).low, 0.5, 1e-6);
}

TEST(ValueRange, LeavesOutWhatIsNotFinite) {
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> values{NAN, 2, infinity, 4, -infinity};
    EXPECT_EQ(percentileRange(values, 0), (ValueRange{2, 4}));
    EXPECT_EQ(percentileRange(std::vector<float>{NAN}, 1), ValueRange{});
    EXPECT_EQ(percentileRange(std::vector<float>{7, 7, 7}, 1), (ValueRange{7, 7}));
}

TEST(ValueRange, OfAnImageLooksAtAllChannels) {
    Image image({2, 1}, 3, SampleType::U8);
    auto* row = image.row<uint8_t>(0);
    for (int i = 0; i < 6; ++i)
        row[i] = uint8_t(i * 10);
    EXPECT_EQ(percentileRange(image, 0), (ValueRange{0, 50}));
}

}  // namespace
}  // namespace vitrine
