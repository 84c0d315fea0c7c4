#include "core/upsampling/upsampler_options.h"

#include "core/base/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

FrozenEncoder encoder(int64_t width, int64_t patch, int64_t side) {
    FrozenEncoder encoder;
    encoder.name = "encoder";
    encoder.featureWidth = width;
    encoder.patchSize = patch;
    encoder.side = side;
    return encoder;
}

TEST(UpsamplerOptions, WarmsUpFromATenthAndFallsAsACosine) {
    UpsamplerOptions options;
    options.learningRate = 1;
    options.warmupSteps = 100;
    options.steps = 1100;
    EXPECT_DOUBLE_EQ(upsamplerRate(options, 0), 0.1);
    EXPECT_DOUBLE_EQ(upsamplerRate(options, 50), 0.55);
    EXPECT_DOUBLE_EQ(upsamplerRate(options, 100), 1);
    EXPECT_NEAR(upsamplerRate(options, 600), 0.5, 1e-12);
    EXPECT_NEAR(upsamplerRate(options, 1100), 0, 1e-12);
    EXPECT_DOUBLE_EQ(upsamplerRate(featUpDefaults(), 0), 1e-3);
    EXPECT_DOUBLE_EQ(upsamplerRate(featUpDefaults(), 2999), 1e-3);
}

TEST(UpsamplerOptions, WrongOnesAreNamed) {
    const auto errorOf = [](const UpsamplerOptions& options, const FrozenEncoder& encoder) {
        const auto checked = options.validate(encoder);
        return checked ? std::string() : checked.error().text();
    };
    UpsamplerOptions options;
    EXPECT_EQ(errorOf(options, encoder(16, 8, 32)), "");
    EXPECT_THAT(errorOf(options, encoder(16, 8, 36)), HasSubstr("patch of 8"));
    EXPECT_THAT(errorOf(options, encoder(12, 8, 32)), HasSubstr("12 channels"));
    options.downsamplerKernel = 8;
    EXPECT_THAT(errorOf(options, encoder(16, 8, 32)), HasSubstr("Take 9"));
    options = {};
    options.guide = featsharp::Guide::None;
    options.tiles = false;
    EXPECT_THAT(errorOf(options, encoder(16, 8, 32)), HasSubstr("neither"));
    options = {};
    options.guide = featsharp::Guide::Jafar;
    options.jafarWidth = 20;
    EXPECT_THAT(errorOf(options, encoder(16, 8, 32)), HasSubstr("20"));
    options = {};
    options.fusionStart = FusionStart::Blend;
    EXPECT_EQ(errorOf(options, encoder(16, 8, 32)), "");
    options.attention = false;
    EXPECT_THAT(errorOf(options, encoder(16, 8, 32)), HasSubstr("settings/fusion_start"));
    options.attention = options.layerNorm = true;
    EXPECT_THAT(errorOf(options, encoder(16, 8, 32)), HasSubstr("without layer norms"));
    EXPECT_THAT(errorOf(featUpDefaults(), encoder(12, 32, 32)), HasSubstr("fewer than two cells"));
    EXPECT_EQ(errorOf(featUpDefaults(), encoder(12, 16, 64)), "");
}

}  // namespace
}  // namespace vitrine
