#include "core/io/tensor_statistics.h"

#include "core/io/dequantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace vitrine {
namespace {

template <typename T>
TensorBytes tensorOf(DType dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
    TensorInfo info{"t", dtype, std::move(shape), values.size() * sizeof(T), {}};
    return {info, std::as_bytes(std::span(values)), nullptr};
}

TensorStatistics statisticsOf(const TensorBytes& tensor, StatisticsOptions options = {}) {
    const JobContext job;
    auto result = tensorStatistics(tensor, options, job);
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return result.value_or(TensorStatistics{});
}

TEST(TensorStatistics, SmallTensorByHand) {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
    const std::vector<float> values{1, 0, -3, 0, nan, inf, -inf, 4};
    const auto s = statisticsOf(tensorOf(DType::F32, {2, 4}, values));
    EXPECT_EQ(s.count, 8u);
    EXPECT_EQ(s.zeros, 2u);
    EXPECT_EQ(s.nans, 1u);
    EXPECT_EQ(s.infinities, 2u);
    EXPECT_EQ(s.minimum, -3);
    EXPECT_EQ(s.maximum, 4);
    EXPECT_EQ(s.absoluteMaximum, 4);
    EXPECT_DOUBLE_EQ(s.mean, 0.4);
    EXPECT_NEAR(s.standardDeviation, std::sqrt((0.36 + 0.16 + 0.16 + 11.56 + 12.96) / 5), 1e-12);
    EXPECT_DOUBLE_EQ(s.sparsity(), 0.25);
    ASSERT_EQ(s.patterns.size(), 3u);
    EXPECT_EQ(s.patterns[0].groups, 2u);  // 2:4
    EXPECT_EQ(s.patterns[0].violatingGroups, 1u);
    EXPECT_EQ(s.patterns[0].firstViolations, std::vector<uint64_t>{1});
    EXPECT_EQ(s.patterns[1].groups, 0u);  // 4:8 does not fit rows of four
    EXPECT_EQ(s.patterns[1].leftoverElements, 8u);
    EXPECT_FALSE(s.patterns[1].compliant());
    EXPECT_EQ(s.patterns[2].violatingGroups, 2u);  // 1:4
}

TEST(TensorStatistics, EveryNumericTypeGivesItsValues) {
    const auto check = [](const auto& tensor, double low, double high) {
        const auto s = statisticsOf(tensor);
        EXPECT_EQ(s.minimum, low) << dtypeName(tensor.info.dtype);
        EXPECT_EQ(s.maximum, high) << dtypeName(tensor.info.dtype);
        EXPECT_EQ(s.zeros, 1u) << dtypeName(tensor.info.dtype);
    };
    const std::vector<int8_t> i8{-128, 0, 127};
    const std::vector<uint8_t> u8{1, 0, 255}, flags{0, 1, 1}, e4m3{0xfe, 0, 0x7e}, e5m2{0xfb, 0x80, 0x7b};
    const std::vector<int16_t> i16{-32768, 0, 5};
    const std::vector<uint16_t> u16{65535, 0, 5}, f16{0xfbff, 0, 1}, bf16{0xc000, 0x8000, 0x3f80};
    const std::vector<int32_t> i32{INT32_MIN, 0, INT32_MAX};
    const std::vector<uint32_t> u32{UINT32_MAX, 0, 1};
    const std::vector<int64_t> i64{-(int64_t(1) << 52), 0, 9};
    const std::vector<uint64_t> u64{uint64_t(1) << 60, 0, 1};
    const std::vector<double> f64{-1e300, 0, 1e-300};
    check(tensorOf(DType::I8, {3}, i8), -128, 127);
    check(tensorOf(DType::U8, {3}, u8), 0, 255);
    check(tensorOf(DType::Bool, {3}, flags), 0, 1);
    check(tensorOf(DType::F8E4M3, {3}, e4m3), -448, 448);
    check(tensorOf(DType::F8E5M2, {3}, e5m2), -57344, 57344);
    check(tensorOf(DType::I16, {3}, i16), -32768, 5);
    check(tensorOf(DType::U16, {3}, u16), 0, 65535);
    check(tensorOf(DType::F16, {3}, f16), -65504, 0x1p-24);
    check(tensorOf(DType::BF16, {3}, bf16), -2, 1);
    check(tensorOf(DType::I32, {3}, i32), INT32_MIN, INT32_MAX);
    check(tensorOf(DType::U32, {3}, u32), 0, UINT32_MAX);
    check(tensorOf(DType::I64, {3}, i64), -0x1p52, 9);
    check(tensorOf(DType::U64, {3}, u64), 0, 0x1p60);
    check(tensorOf(DType::F64, {3}, f64), -1e300, 1e-300);
}

// Shapes below, at and above the chunk size, with rows that do not divide it; against a plain loop.
TEST(TensorStatistics, ChunksAndThreadsChangeNothing) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(1000.f, 1.f);  // a mean that naive sums of squares would drown in
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{300000}, {3, 70001}, {70001, 3}, {5, 65536}, {1000, 100}, {2, 3, 4, 8}}) {
        TensorInfo info{"t", DType::F32, shape, 0, {}};
        std::vector<float> values(info.elementCount());
        for (float& value : values)
            value = random() % 2 ? normal(random) : 0.f;
        const auto tensor = tensorOf(DType::F32, shape, values);
        const auto one = statisticsOf(tensor, {.threads = 1}), many = statisticsOf(tensor, {.threads = 5});
        EXPECT_EQ(one.mean, many.mean);
        EXPECT_EQ(one.standardDeviation, many.standardDeviation);
        double sum = 0, squares = 0;
        for (const float value : values)
            sum += value;
        for (const float value : values)
            squares += std::pow(value - sum / double(values.size()), 2);
        EXPECT_NEAR(one.mean, sum / double(values.size()), 1e-9 * 1000);
        EXPECT_NEAR(one.standardDeviation, std::sqrt(squares / double(values.size())), 1e-6);
        for (size_t p = 0; p < one.patterns.size(); ++p) {
            const auto& found = one.patterns[p];
            const uint64_t columns = uint64_t(shape.back()), group = uint64_t(found.pattern.group);
            uint64_t groups = 0, violating = 0;
            std::vector<uint64_t> first;
            for (uint64_t row = 0; row < values.size() / columns; ++row)
                for (uint64_t g = 0; g < columns / group; ++g, ++groups) {
                    int64_t nonzero = 0;
                    for (uint64_t i = 0; i < group; ++i)
                        nonzero += values[row * columns + g * group + i] != 0;
                    if (nonzero > found.pattern.nonzero && ++violating <= 16)
                        first.push_back(groups);
                }
            EXPECT_EQ(found.groups, groups);
            EXPECT_EQ(found.violatingGroups, violating);
            EXPECT_EQ(found.firstViolations, first);
            EXPECT_EQ(many.patterns[p].violatingGroups, violating);
            EXPECT_EQ(many.patterns[p].firstViolations, first);
            EXPECT_EQ(found.leftoverElements, values.size() - groups * group);
        }
    }
}

TEST(TensorStatistics, EdgeCases) {
    const std::vector<float> none, one{2};
    EXPECT_EQ(statisticsOf(tensorOf(DType::F32, {0, 4}, none)).count, 0u);
    EXPECT_EQ(statisticsOf(tensorOf(DType::F32, {4, 0}, none)).maximum, 0);
    EXPECT_EQ(statisticsOf(tensorOf(DType::F32, {}, one)).mean, 2);
    const std::vector<float> sparse{1, 0, 2, 0, 0, 0, 3, 4};
    const auto s = statisticsOf(tensorOf(DType::F32, {8}, sparse));
    EXPECT_TRUE(s.patterns[0].compliant());
    EXPECT_TRUE(s.patterns[1].compliant());
    EXPECT_FALSE(s.patterns[2].compliant());
}

TEST(TensorStatistics, RefusesWhatMakesNoSense) {
    const std::vector<uint8_t> bytes(8);
    const JobContext job;
    EXPECT_EQ(tensorStatistics(tensorOf(DType::F4, {16}, bytes), {}, job).error().code,
              ErrorCode::Unsupported);
    EXPECT_EQ(tensorStatistics(tensorOf(DType::U8, {9}, bytes), {}, job).error().code,
              ErrorCode::InvalidArgument);
    for (const NmPattern pattern : {NmPattern{0, 4}, NmPattern{5, 4}, NmPattern{1, 1 << 20}})
        EXPECT_EQ(
            tensorStatistics(tensorOf(DType::U8, {8}, bytes), {.patterns = {pattern}}, job).error().code,
            ErrorCode::InvalidArgument);
    std::stop_source stop;
    stop.request_stop();
    const JobContext stopped(stop.get_token(), nullptr);
    EXPECT_EQ(tensorStatistics(tensorOf(DType::U8, {8}, bytes), {}, stopped).error().code,
              ErrorCode::Cancelled);
}

TEST(Dequantize, GgufBlocks) {
    std::vector<uint8_t> block{0x00, 0x40};  // scale 2
    for (int i = 0; i < 16; ++i)
        block.push_back(uint8_t(i | (15 - i) << 4));
    const auto values = dequantize(tensorOf(DType::Q4_0, {32}, block));
    ASSERT_TRUE(values);
    for (int i = 0; i < 16; ++i) {
        EXPECT_EQ((*values)[size_t(i)], 2.f * float(i - 8));
        EXPECT_EQ((*values)[size_t(i) + 16], 2.f * float(15 - i - 8));
    }
}

TEST(Dequantize, HalfPrecisionSpecialValues) {
    const std::vector<uint16_t> halves{0x0001, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x03ff, 0x0400, 0x7bff};
    const auto values = dequantize(tensorOf(DType::F16, {8}, halves));
    ASSERT_TRUE(values);
    EXPECT_EQ((*values)[0], 0x1p-24f);
    EXPECT_TRUE((*values)[1] == 0 && std::signbit((*values)[1]));
    EXPECT_EQ((*values)[2], std::numeric_limits<float>::infinity());
    EXPECT_EQ((*values)[3], -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan((*values)[4]));
    EXPECT_EQ((*values)[5], 1023 * 0x1p-24f);
    EXPECT_EQ((*values)[6], 0x1p-14f);
    EXPECT_EQ((*values)[7], 65504.f);
}

}  // namespace
}  // namespace vitrine
