// What our own PNG encoder writes is read back by OpenCV, sample for sample.
#include "core/media/png_encoder.h"

#include "core/media/image_reader.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vitrine {
namespace {

// Smooth along x, with steps along y: every filter type is the best one for some row.
template <typename T>
Image pattern(ImageSize size, int channels, SampleType type) {
    Image image(size, channels, type);
    for (int64_t y = 0; y < size.height; ++y)
        for (int64_t i = 0; i < size.width * channels; ++i)
            image.row<T>(y)[i] = T(y % 3 == 0   ? i * i * 2654435761u >> 7
                                   : y % 3 == 1 ? i * 257
                                                : y * 1000 + i % 5);
    return image;
}

void expectReadsBack(const Image& image) {
    const auto png = encodePng(image, 6);
    ASSERT_TRUE(png) << png.error().text();
    const auto read = readImage(std::as_bytes(std::span(*png)));
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(read->size(), image.size());
    ASSERT_EQ(read->sampleType(), image.sampleType());
    const bool greyWithAlpha = image.channels() == 2;  // is read as RGBA
    ASSERT_EQ(read->channels(), greyWithAlpha ? 4 : image.channels());
    for (int64_t y = 0; y < image.height(); ++y)
        for (int64_t x = 0; x < image.width(); ++x)
            for (int c = 0; c < read->channels(); ++c)
                ASSERT_EQ(read->value(x, y, c), image.value(x, y, greyWithAlpha ? c == 3 : c))
                    << x << " " << y << " " << c;
}

}  // namespace

TEST(PngEncoder, IsReadBackSampleForSample) {
    for (const ImageSize size : {ImageSize{1, 1}, {7, 5}, {64, 33}})
        for (int channels = 1; channels <= 4; ++channels) {
            SCOPED_TRACE(fmt::format("{}x{}x{}", size.width, size.height, channels));
            expectReadsBack(pattern<uint8_t>(size, channels, SampleType::U8));
            expectReadsBack(pattern<uint16_t>(size, channels, SampleType::U16));
        }
}

TEST(PngEncoder, CompressesWhatIsSmooth) {
    Image image({256, 256}, 3, SampleType::U8);
    for (int64_t y = 0; y < 256; ++y)
        for (int64_t i = 0; i < 768; ++i)
            image.row<uint8_t>(y)[i] = uint8_t(i / 3 + y);
    const auto png = encodePng(image, 9);
    ASSERT_TRUE(png);
    EXPECT_LT(png->size(), image.byteCount() / 50);
    EXPECT_GT(encodePng(image, 0)->size(), image.byteCount());
}

TEST(PngEncoder, RefusesWhatPngCannotHold) {
    EXPECT_EQ(encodePng(Image(), 6).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(encodePng(Image({2, 2}, 3, SampleType::F32), 6).error().code, ErrorCode::InvalidArgument);
}

}  // namespace vitrine
