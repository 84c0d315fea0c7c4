#include "core/media/value_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vitrine {
namespace {

ValueRange rangeOf(const std::vector<float>& values, double clipPercent) {
    return ValueDistribution(values).range(clipPercent);
}

}  // namespace

TEST(ValueDistribution, PercentilesInterpolate) {
    std::vector<float> values(101);
    std::iota(values.begin(), values.end(), 0.0f);
    std::reverse(values.begin(), values.end());
    EXPECT_EQ(rangeOf(values, 0), (ValueRange{0, 100}));
    EXPECT_EQ(rangeOf(values, 10), (ValueRange{10, 90}));
    EXPECT_NEAR(rangeOf(values, 0.5).low, 0.5, 1e-6);
}

TEST(ValueDistribution, LeavesOutWhatIsNotFinite) {
    const float infinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(rangeOf({NAN, 2, infinity, 4, -infinity}, 0), (ValueRange{2, 4}));
    EXPECT_EQ(rangeOf({NAN}, 1), ValueRange{});
    EXPECT_TRUE(ValueDistribution(std::vector<float>{NAN}).empty());
    EXPECT_EQ(rangeOf({7, 7, 7}, 1), (ValueRange{7, 7}));
    EXPECT_EQ(rangeOf({}, 1), ValueRange{});
}

TEST(ValueDistribution, OfAnImageLooksAtAllChannels) {
    Image image({2, 1}, 3, SampleType::U8);
    auto* row = image.row<uint8_t>(0);
    for (int i = 0; i < 6; ++i)
        row[i] = uint8_t(i * 10);
    EXPECT_EQ(ValueDistribution(image).range(0), (ValueRange{0, 50}));
}

// Beyond a few thousand values the bits are sorted: signs, zeros and magnitudes must come out as numbers do.
TEST(ValueDistribution, ManyValuesOfAllSignsAndMagnitudes) {
    std::vector<float> values;
    for (int i = 0; i < 30'000; ++i) {
        const float magnitude = std::exp2(float(i % 250) - 125) * (1 + float(i % 7) / 7);
        values.push_back(i % 3 == 0 ? -magnitude : magnitude);
    }
    values.push_back(-0.0f);
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const ValueDistribution distribution(values);
    EXPECT_EQ(distribution.range(0), (ValueRange{sorted.front(), sorted.back()}));
    for (const double clip : {0.1, 1.0, 10.0, 33.0, 49.0}) {
        const double position = clip / 100 * double(sorted.size() - 1);
        const ValueRange range = distribution.range(clip);
        EXPECT_GE(range.low, sorted[size_t(position)]) << clip;
        EXPECT_LE(range.low, sorted[size_t(position) + 1]) << clip;
        EXPECT_GE(range.high, sorted[sorted.size() - 2 - size_t(position)]) << clip;
        EXPECT_LE(range.high, sorted[sorted.size() - 1 - size_t(position)]) << clip;
    }
}

TEST(ValueDistribution, ASampleOfMillionsIsCloseToTheTruth) {
    constexpr int kSide = 2000;
    Image image({kSide, kSide}, 1, SampleType::F32);
    for (int i = 0; i < kSide * kSide; ++i)
        image.row<float>(0)[i] = float(i) / (kSide * kSide);
    for (const double clip : {0.0, 1.0, 5.0}) {
        const ValueRange range = ValueDistribution(image).range(clip);
        EXPECT_NEAR(range.low, clip / 100, 1e-3);
        EXPECT_NEAR(range.high, 1 - clip / 100, 1e-3);
    }
}

}  // namespace vitrine
