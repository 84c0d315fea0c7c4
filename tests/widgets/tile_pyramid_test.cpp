#include "widgets/view/tile_pyramid.h"

#include "tests/widgets/qt_fixture.h"
#include "widgets/view/layer_difference.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

std::shared_ptr<const Image> ramp(int64_t width, int64_t height) {
    auto image = std::make_shared<Image>(ImageSize{width, height}, 1, SampleType::U16);
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
            image->row<uint16_t>(y)[x] = uint16_t(x * 10 + y);
    return image;
}

TEST(TilePyramid, HalvingAveragesBlocks) {
    Image image({3, 2}, 1, SampleType::U8);
    const uint8_t values[2][3] = {{0, 10, 100}, {20, 30, 200}};
    for (int y = 0; y < 2; ++y)
        std::copy_n(values[y], 3, image.row<uint8_t>(y));
    const Image half = TilePyramid::halved(image);
    EXPECT_EQ(half.size(), (ImageSize{2, 1}));
    EXPECT_EQ(half.value(0, 0, 0), 15);
    EXPECT_EQ(half.value(1, 0, 0), 150);
}

// Every sample of every number of channels, and the odd column and row that stand for both.
TEST(TilePyramid, HalvingIsTheMeanOfWhatIsThere) {
    for (int channels = 1; channels <= 4; ++channels) {
        Image image({7, 5}, channels, SampleType::F32);
        for (int64_t y = 0; y < 5; ++y)
            for (int64_t i = 0; i < 7 * channels; ++i)
                image.row<float>(y)[i] = float((y * 37 + i * 11) % 23);
        const Image half = TilePyramid::halved(image);
        ASSERT_EQ(half.size(), (ImageSize{4, 3}));
        for (int64_t y = 0; y < 3; ++y)
            for (int64_t x = 0; x < 4; ++x)
                for (int channel = 0; channel < channels; ++channel) {
                    double sum = 0;
                    for (const int64_t row : {2 * y, std::min<int64_t>(2 * y + 1, 4)})
                        for (const int64_t column : {2 * x, std::min<int64_t>(2 * x + 1, 6)})
                            sum += image.value(column, row, channel);
                    EXPECT_NEAR(half.value(x, y, channel), sum / 4, 1e-5) << channels << ' ' << x << ' ' << y;
                }
    }
}

TEST(TilePyramid, LevelZeroIsThePictureItself) {
    const auto image = ramp(700, 600);
    const auto pyramid = TilePyramid::of(image);
    EXPECT_EQ(TilePyramid::of(image), pyramid);
    const TilePixels tile = pyramid->tile({0, 1, 1});
    EXPECT_EQ(tile.owner, image);
    EXPECT_EQ(tile.offsetX, 511);
    EXPECT_FALSE(tile.provisional);
}

TEST(TilePyramid, LevelsAreBuiltInTheBackgroundAndExact) {
    testing::qtApplication();
    const auto image = ramp(2500, 2000);
    const auto pyramid = TilePyramid::of(image);
    EXPECT_FALSE(pyramid->levelReady(2));
    pyramid->tile({2, 0, 0});
    ASSERT_TRUE(testing::waitUntil([&] { return pyramid->levelReady(2); }));
    const TilePixels tile = pyramid->tile({2, 0, 0});
    ASSERT_TRUE(tile.owner);
    EXPECT_FALSE(tile.provisional);
    const Image twice = TilePyramid::halved(TilePyramid::halved(*image));
    EXPECT_EQ(tile.owner->size(), twice.size());
    EXPECT_EQ(tile.owner->value(100, 77, 0), twice.value(100, 77, 0));
}

TEST(TilePyramid, SmallPicturesAreWholeAtOnce) {
    const auto image = ramp(1024, 1024);
    const auto pyramid = TilePyramid::of(image);
    const TilePixels tile = pyramid->tile({1, 0, 0});
    ASSERT_TRUE(tile.owner);
    EXPECT_FALSE(tile.provisional);
    EXPECT_EQ(tile.owner->value(100, 77, 0), TilePyramid::halved(*image).value(100, 77, 0));
}

TEST(LayerDifference, MeasuresAndMarksWhatIsOutside) {
    auto a = std::make_shared<Image>(ImageSize{4, 1}, 1, SampleType::U8);
    auto b = std::make_shared<Image>(ImageSize{1, 1}, 1, SampleType::U8);
    for (int x = 0; x < 4; ++x)
        a->row<uint8_t>(0)[x] = 51;
    b->row<uint8_t>(0)[0] = 102;
    Layer first{a, QRectF(0, 0, 4, 1), {}, {}};
    Layer second{b, QRectF(0, 0, 2, 1), {}, {}};  // covers the left half
    const LayerDifference difference = layerDifference(first, second);
    EXPECT_NEAR(difference.largest, 0.2, 1e-6);
    EXPECT_NEAR(difference.meanAbsolute, 0.2, 1e-6);
    EXPECT_NEAR(difference.layer.image->value(1, 0, 0), 0.2, 1e-6);
    EXPECT_TRUE(std::isnan(difference.layer.image->value(2, 0, 0)));
}

}  // namespace
}  // namespace vitrine
