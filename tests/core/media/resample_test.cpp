#include "core/media/resample.h"

#include "core/base/file.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

namespace vitrine {
namespace {

uint32_t takeNumber(std::string_view& bytes) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data(), 4);
    bytes.remove_prefix(4);
    return value;
}

Image takeImage(std::string_view& bytes, ImageSize size, int channels) {
    Image image(size, channels, SampleType::U8);
    std::memcpy(image.data(), bytes.data(), image.byteCount());
    bytes.remove_prefix(image.byteCount());
    return image;
}

}  // namespace

TEST(Resample, EqualsPillowBitByBit) {
    const auto content = readFile(testing::dataFolder() / "media" / "resample_reference.bin");
    ASSERT_TRUE(content) << content.error().text();
    std::string_view bytes = *content;
    const uint32_t cases = takeNumber(bytes);
    ASSERT_EQ(cases, 72u);
    for (uint32_t i = 0; i < cases; ++i) {
        const int channels = int(takeNumber(bytes));
        const int64_t numbers[4] = {takeNumber(bytes), takeNumber(bytes), takeNumber(bytes),
                                    takeNumber(bytes)};
        const auto filter = resamplingFromNumber(takeNumber(bytes));
        ASSERT_TRUE(filter);
        const Image input = takeImage(bytes, {numbers[0], numbers[1]}, channels);
        const Image expected = takeImage(bytes, {numbers[2], numbers[3]}, channels);
        const auto actual = resize(input, expected.size(), *filter);
        ASSERT_TRUE(actual) << actual.error().text();
        EXPECT_EQ(std::memcmp(actual->data(), expected.data(), expected.byteCount()), 0)
            << resamplingName(*filter) << " " << numbers[0] << "x" << numbers[1] << " to " << numbers[2]
            << "x" << numbers[3] << ", " << channels << " channels";
    }
    EXPECT_TRUE(bytes.empty());
}

TEST(Resample, FloatAgreesWithTheIntegerPathUpToRounding) {
    std::mt19937 random(3);
    Image image({61, 47}, 1, SampleType::U8);
    std::vector<float> plane;
    for (int64_t y = 0; y < 47; ++y)
        for (int64_t x = 0; x < 61; ++x)
            // Middle values: the float path does not clip where the filter overshoots.
            plane.push_back(image.row<uint8_t>(y)[x] = uint8_t(100 + random() % 40));
    for (const auto filter :
         {Resampling::Bilinear, Resampling::Bicubic, Resampling::Lanczos, Resampling::Box}) {
        const auto integer = resize(image, {23, 80}, filter);
        const auto real = resizeFloat(plane, 1, {61, 47}, {23, 80}, filter);
        ASSERT_TRUE(integer && real);
        for (int64_t i = 0; i < 23 * 80; ++i)
            EXPECT_NEAR((*real)[size_t(i)], float(integer->value(i % 23, i / 23, 0)), 1.6f);
    }
}

TEST(Resample, KeepsSixteenBitAndFloatSamples) {
    Image deep({4, 4}, 1, SampleType::U16);
    for (int64_t i = 0; i < 16; ++i)
        deep.row<uint16_t>(i / 4)[i % 4] = 40000;
    const auto small = resize(deep, {3, 2}, Resampling::Bicubic);
    ASSERT_TRUE(small);
    EXPECT_EQ(small->sampleType(), SampleType::U16);
    EXPECT_EQ(small->value(2, 1, 0), 40000);
}

TEST(Resample, ThreadsChangeNothing) {
    Image large({2200, 1500}, 3, SampleType::U8);
    std::mt19937 random(5);
    for (size_t i = 0; i < large.byteCount(); ++i)
        large.data()[i] = std::byte(random());
    const auto whole = resize(large, {900, 700}, Resampling::Bicubic);
    // The upper half alone is small enough for one thread; rows far from the cut must agree.
    Image strip({2200, 150}, 3, SampleType::U8);
    std::memcpy(strip.data(), large.data(), strip.byteCount());
    const auto part = resize(strip, {900, 70}, Resampling::Bicubic);
    ASSERT_TRUE(whole && part);
    EXPECT_EQ(std::memcmp(whole->data(), part->data(), part->rowBytes() * 60), 0);
}

TEST(Resample, RefusesNothingnessAndUnknownFilters) {
    EXPECT_FALSE(resize(Image(), {3, 3}, Resampling::Bilinear));
    EXPECT_FALSE(resize(Image({3, 3}, 1, SampleType::U8), {0, 3}, Resampling::Bilinear));
    EXPECT_FALSE(resamplingFromNumber(6));
    EXPECT_FALSE(resizeFloat(std::vector<float>(5), 1, {2, 2}, {1, 1}, Resampling::Box));
}

}  // namespace vitrine
