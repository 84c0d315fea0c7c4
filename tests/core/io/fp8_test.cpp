#include "core/io/fp8.h"

#include "core/io/dequantize.h"
#include "core/io/safetensors.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

class Fp8Reference : public ::testing::TestWithParam<Fp8Format> {
  protected:
    void load(const std::filesystem::path& folder) {
        auto inputs = openSafetensors(folder / "inputs.safetensors");
        auto expected = openSafetensors(folder / "expected.safetensors");
        ASSERT_TRUE(inputs && expected);
        inputs_ = *inputs;
        expected_ = *expected;
    }
    static std::vector<float> floats(const TensorSource& source, const std::string& name) {
        auto read = source.read(name);
        EXPECT_TRUE(read) << name;
        return read ? *dequantize(*read) : std::vector<float>();
    }
    std::vector<float> expected(const std::string& name) const {
        return floats(*expected_, (GetParam() == Fp8Format::E4M3 ? "e4m3." : "e5m2.") + name);
    }
    static bool isNan(Fp8Format format, int code) { return std::isnan(fp8Decode(format, uint8_t(code))); }

    std::shared_ptr<const TensorSource> inputs_, expected_;
};

TEST_P(Fp8Reference, DecodesEveryCode) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_fp8");
    load(folder);
    const auto values = expected("decode");
    ASSERT_EQ(values.size(), 256u);
    for (int code = 0; code < 256; ++code) {
        const float value = fp8Decode(GetParam(), uint8_t(code));
        if (std::isnan(values[size_t(code)]))
            EXPECT_TRUE(std::isnan(value)) << code;
        else
            EXPECT_EQ(value, values[size_t(code)]) << code;
    }
}

TEST_P(Fp8Reference, EncodesToTheNearest) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_fp8");
    load(folder);
    const auto values = floats(*inputs_, "values");
    for (const bool saturate : {false, true}) {
        const auto codes = expected(saturate ? "encode_saturating" : "encode");
        ASSERT_EQ(codes.size(), values.size());
        for (size_t i = 0; i < values.size(); ++i) {
            const int code = fp8Encode(GetParam(), values[i], saturate), wanted = int(codes[i]);
            if (isNan(GetParam(), wanted))
                EXPECT_TRUE(isNan(GetParam(), code)) << values[i];
            else
                EXPECT_EQ(code, wanted) << values[i] << " saturate " << saturate;
        }
    }
}

TEST_P(Fp8Reference, ScalesByTensorRowAndBlock) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_fp8");
    load(folder);
    const auto values = floats(*inputs_, "matrix");
    const std::pair<Fp8Scaling, std::string> cases[] = {
        {Fp8Scaling::Tensor, "tensor"}, {Fp8Scaling::Row, "row"}, {Fp8Scaling::Block32, "block32"}};
    for (const auto& [scaling, name] : cases) {
        const Fp8Matrix matrix = fp8Quantize(GetParam(), scaling, values, 24, 160);
        EXPECT_EQ(matrix.scales, expected(name + "_scale")) << name;
        const auto codes = expected(name + "_codes");
        ASSERT_EQ(codes.size(), matrix.codes.size());
        for (size_t i = 0; i < codes.size(); ++i)
            EXPECT_EQ(int(matrix.codes[i]), int(codes[i])) << name << " " << i;
        if (scaling == Fp8Scaling::Tensor) {
            const auto restored = fp8Dequantize(matrix);
            const auto wanted = expected("tensor_dequant");
            for (size_t i = 0; i < wanted.size(); ++i)
                EXPECT_NEAR(restored[i], wanted[i], 1.6e-5f);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Fp8Reference, ::testing::Values(Fp8Format::E4M3, Fp8Format::E5M2));

class MxFp8Reference : public Fp8Reference {};
INSTANTIATE_TEST_SUITE_P(Formats, MxFp8Reference, ::testing::Values(Fp8Format::E4M3));

TEST_P(MxFp8Reference, MicroscalingBlocks) {
    VITRINE_SHARED_DATA(folder, "goldens/numeric_fp8");
    load(folder);
    const MxFp8Matrix matrix = mxfp8Quantize(floats(*inputs_, "matrix"), 24, 160);
    const auto exponents = expected_->read("mxfp8.scale_exponent"), codes = expected_->read("mxfp8.codes");
    ASSERT_TRUE(exponents && codes);
    ASSERT_EQ(exponents->bytes.size(), matrix.exponents.size());
    ASSERT_EQ(codes->bytes.size(), matrix.codes.size());
    for (size_t i = 0; i < matrix.exponents.size(); ++i)
        EXPECT_EQ(matrix.exponents[i], uint8_t(exponents->bytes[i])) << i;
    for (size_t i = 0; i < matrix.codes.size(); ++i)
        EXPECT_EQ(matrix.codes[i], uint8_t(codes->bytes[i])) << i;
}

// Holds without the reference files: every finite code survives, zeros and empty matrices do no harm.
TEST(Fp8, FiniteCodesSurvive) {
    for (const Fp8Format format : {Fp8Format::E4M3, Fp8Format::E5M2})
        for (int code = 0; code < 256; ++code)
            if (const float value = fp8Decode(format, uint8_t(code)); std::isfinite(value))
                for (const bool saturate : {false, true})
                    EXPECT_EQ(int(fp8Encode(format, value, saturate)), code);
}

TEST(Fp8, ZerosAndEmptyMatrices) {
    const std::vector<float> zeros(6, 0.f);
    const Fp8Matrix matrix = fp8Quantize(Fp8Format::E4M3, Fp8Scaling::Row, zeros, 2, 3);
    EXPECT_EQ(fp8Dequantize(matrix), zeros);
    EXPECT_TRUE(fp8Quantize(Fp8Format::E5M2, Fp8Scaling::Block32, {}, 0, 0).codes.empty());
    EXPECT_EQ(mxfp8Quantize(zeros, 2, 3).exponents, (std::vector<uint8_t>{0, 0}));
}

}  // namespace
}  // namespace vitrine
