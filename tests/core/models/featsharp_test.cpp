#include "core/models/featsharp/featsharp_model.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/random_model.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using namespace featsharp;

FeatSharpConfig smallConfig() {
    FeatSharpConfig config;
    config.modelResolution = 32;
    config.patchSize = 4;
    config.featureWidth = 16;
    config.factor = 6;
    config.windowSize = 5;
    return config;
}

struct Made {
    std::shared_ptr<torch::nn::Module> root;
    FeatSharpNetwork network;
};

Made make(const FeatSharpConfig& config, uint64_t seed) {
    auto root = std::make_shared<torch::nn::Module>();
    FeatSharpNetwork network(*root, config);
    at::NoGradGuard noGrad;
    at::manual_seed(seed);
    for (auto& entry : root->named_parameters())
        entry.value().normal_(0.0, 0.3);
    return {root, std::move(network)};
}

// Means of patches, spread over the channels: every cell says where its tile lies.
Result<at::Tensor> patchMeans(const at::Tensor& pictures) {
    const at::Tensor means = at::avg_pool2d(pictures, {4, 4});
    return at::cat({means, means * 2, means.square(), means, means, means.narrow(1, 0, 1)}, 1).contiguous();
}

TEST(FeatSharp, MatchesReferencesWithBilateralGuidance) {
    VITRINE_SHARED_DATA(folder, "goldens/featsharp");
    testing::expectMatchesReferences(folder);
}

TEST(FeatSharp, MatchesReferencesWithJafarGuidance) {
    VITRINE_SHARED_DATA(folder, "goldens/featsharp_jafar");
    testing::expectMatchesReferences(folder);
}

TEST(FeatSharp, StripsGiveWhatTheWholeMapGives) {
    FeatSharpConfig config = smallConfig();
    config.featureWidth = 64;
    FusionBlock block(config);
    at::manual_seed(3);
    // 900 columns of 3 x 16 x 8 floats: strips of 48 rows.
    const at::Tensor guided = at::randn({1, 64, 120, 900}), tiles = at::randn({1, 64, 120, 900});
    at::Tensor strips;
    {
        at::NoGradGuard noGrad;
        for (auto& parameter : block.parameters())
            parameter.normal_(0.0, 0.2);
        strips = block.forward(guided, tiles);
    }
    const at::Tensor whole = block.forward(guided, tiles).detach();  // with gradients: in one piece
    EXPECT_TRUE(at::allclose(strips, whole, 1e-4, 1e-4)) << (strips - whole).abs().max();
}

TEST(FeatSharp, JafarGivesInStripsWhatItGivesOfTheWholePicture) {
    Jafar jafar(12, 64, 4);
    at::manual_seed(4);
    for (auto& parameter : jafar.parameters()) {
        parameter.requires_grad_(false);
        parameter.normal_(0.0, 0.5);
    }
    // 2 x 64 x 330 floats a row: strips of 49 rows, and windows that reach over their borders.
    const at::Tensor features = at::randn({2, 12, 19, 33}), picture = at::randn({2, 3, 190, 330});
    const at::Tensor whole = jafar.forward(features, picture, 57, 99);  // as gradients want it
    at::NoGradGuard noGrad;
    const at::Tensor strips = jafar.forward(features, picture, 57, 99);
    ASSERT_EQ(strips.sizes(), (std::vector<int64_t>{2, 12, 57, 99}));
    EXPECT_GT(whole.std().item<double>(), 0.1);
    EXPECT_TRUE(at::allclose(strips, whole, 1e-3, 1e-3)) << (strips - whole).abs().max();
}

TEST(FeatSharp, StartsAsItsGuidedBranch) {
    const FeatSharpConfig config = smallConfig();
    const Made made = make(config, 5);
    at::NoGradGuard noGrad;
    for (auto& entry : made.root->named_parameters())
        if (entry.key().ends_with("gamma"))
            entry.value().zero_();
    const auto features = made.network.forward(at::rand({1, 3, 192, 192}), patchMeans, true);
    ASSERT_TRUE(features) << features.error().text();
    EXPECT_EQ(features->fine.sizes(), (std::vector<int64_t>{1, 16, 48, 48}));
    EXPECT_TRUE(at::equal(features->fine, features->guided));
}

TEST(FeatSharp, TilesLieWhereTheyWereCutAndCarryTheirVector) {
    FeatSharpConfig config = smallConfig();
    const Made made = make(config, 6);
    at::NoGradGuard noGrad;
    const at::Tensor picture = at::rand({2, 3, 192, 192});
    const auto features = made.network.forward(picture, patchMeans, true);
    ASSERT_TRUE(features) << features.error().text();
    const at::Tensor position = made.root->named_parameters()["upsampler.ups.0.tile_pos"];
    const at::Tensor expected =
        *patchMeans(picture) + position.repeat_interleave(8, 2).repeat_interleave(8, 3);
    EXPECT_TRUE(at::allclose(features->tiles, expected, 1e-5, 1e-5));
}

TEST(FeatSharp, StandardisationAndBiasAreUndone) {
    FeatSharpConfig config = smallConfig();
    config.normalizer = config.deBias = true;
    const Made made = make(config, 7);
    at::NoGradGuard noGrad;
    auto parameters = made.root->named_parameters();
    const auto rotation = std::get<0>(at::linalg_qr(at::randn({16, 16})));
    parameters["normalizer.rotation"].copy_(rotation);
    parameters["normalizer.inv_rotation"].copy_(rotation.t());
    const at::Tensor features = at::randn({2, 16, 8, 8}), bias = parameters["bias_buffer.buffer"];
    const at::Tensor prepared = made.network.prepared(features);
    EXPECT_GT((prepared - features).abs().max().item<double>(), 0.1);
    EXPECT_TRUE(at::allclose(made.network.restored(prepared - bias), features, 1e-3, 1e-3));
}

TEST(FeatSharp, EveryParameterLearns) {
    FeatSharpConfig config = smallConfig();
    config.factor = 2;
    config.deBias = true;
    for (const Guide guide : {Guide::Bilateral, Guide::Jafar}) {
        config.guide = guide;
        config.jafarWidth = 16;
        const Made made = make(config, 8);
        const auto features = made.network.forward(at::rand({1, 3, 64, 64}), patchMeans, false);
        ASSERT_TRUE(features) << features.error().text();
        features->fine.square().sum().backward();
        for (const auto& entry : made.root->named_parameters()) {
            const std::string& name = entry.key();
            // Cancel or are not used, in the published layout too.
            if (name.ends_with("_alpha") || name.find("norm_v") != std::string::npos ||
                name.find("v_proj") != std::string::npos || name.find("out_proj") != std::string::npos)
                continue;
            ASSERT_TRUE(entry.value().grad().defined()) << name;
            EXPECT_GT(entry.value().grad().abs().max().item<double>(), 0.0) << name;
        }
    }
}

TEST(FeatSharp, ReportsWrongConfigurationsAndEncoders) {
    const auto errorOf = [](const Json& patch) {
        Json config{{"model_resolution", 32}, {"patch_size", 8}, {"feat_dim", 24}, {"upsample_factor", 2}};
        config.merge_patch(patch);
        const auto model = createFeatSharp(testing::folderOf(config));
        return model ? std::string() : model.error().text();
    };
    EXPECT_EQ(errorOf(Json::object()), "");
    EXPECT_THAT(errorOf({{"feat_dim", 20}}), HasSubstr("feat_dim"));
    EXPECT_THAT(errorOf({{"patch_size", 7}}), HasSubstr("multiple"));
    EXPECT_THAT(errorOf({{"inputs", {"carafe", "tiles"}}}), HasSubstr("carafe"));
    EXPECT_THAT(errorOf({{"upsample_factor", 1}}), HasSubstr("upsample_factor"));

    const FeatSharpModel model(smallConfig(), "sharp");
    EncoderInfo info;
    info.name = "encoder";
    info.featureWidth = 16;
    info.patchSize = 4;
    EXPECT_TRUE(model.checkFits(info));
    info.featureWidth = 32;
    ASSERT_FALSE(model.checkFits(info));
    EXPECT_THAT(model.checkFits(info).error().text(), HasSubstr("feature width of 16, encoder has 32"));
}

TEST(FeatSharp, RefusesAnEncoderThatGivesOtherShapes) {
    const Made made = make(smallConfig(), 9);
    at::NoGradGuard noGrad;
    const auto features = made.network.forward(
        at::rand({1, 3, 192, 192}),
        [](const at::Tensor& pictures) -> Result<at::Tensor> {
            return at::avg_pool2d(pictures, {4, 4});
        },
        false);
    ASSERT_FALSE(features);
    EXPECT_THAT(features.error().text(), HasSubstr("[1, 3, 8, 8]"));
}

}  // namespace
}  // namespace vitrine
