#include "core/models/siglip/siglip_model.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/random_model.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

Json fixedConfig() {
    return Json::parse(R"({"model_type": "siglip",
        "text_config": {"hidden_size": 24, "intermediate_size": 30, "num_attention_heads": 3,
                        "num_hidden_layers": 2, "vocab_size": 50, "max_position_embeddings": 6,
                        "projection_size": 32, "hidden_act": "gelu"},
        "vision_config": {"hidden_size": 32, "intermediate_size": 40, "num_attention_heads": 2,
                          "num_hidden_layers": 2, "image_size": 24, "patch_size": 8, "layer_norm_eps": 1e-5}})");
}

Json naflexConfig() {
    Json config = fixedConfig();
    config["model_type"] = "siglip2";
    config["vision_config"].erase("image_size");
    config["vision_config"]["num_patches"] = 9;
    return config;
}

std::unique_ptr<Model> randomSiglip(const Json& config) {
    auto model = createSiglip(testing::folderOf(config));
    if (!model) {
        ADD_FAILURE() << model.error().text();
        return nullptr;
    }
    testing::fillRandomly(**model, 13);
    return std::move(*model);
}

// Patches as NaFlex's processor lays them out, written as plain loops.
at::Tensor patchesOf(const at::Tensor& pixels, int64_t patch, int64_t padded) {
    const int64_t rows = pixels.size(2) / patch, columns = pixels.size(3) / patch;
    at::Tensor result = at::zeros({1, padded, patch * patch * 3});
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
            result[0][row * columns + column] = pixels[0]
                                                    .narrow(1, row * patch, patch)
                                                    .narrow(2, column * patch, patch)
                                                    .permute({1, 2, 0})
                                                    .flatten();
    return result;
}

TEST(Siglip, FixedMatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/siglip2_fixed");
    testing::expectMatchesReferences(folder);
}

TEST(Siglip, NaflexMatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/siglip2_naflex");
    testing::expectMatchesReferences(folder);
}

TEST(Siglip, OtherConfigurationsSurviveARoundTrip) {
    testing::expectRoundTrip(fixedConfig(), createSiglip, 24, 40);
    testing::expectRoundTrip(fixedConfig(), createSiglip, 24, 24, 2, at::kBFloat16);
    testing::expectRoundTrip(naflexConfig(), createSiglip, 16, 40);
    Json headless = fixedConfig();
    headless["vision_config"]["vision_use_head"] = false;
    testing::expectRoundTrip(headless, createSiglip, 8, 16);
}

TEST(Siglip, NaflexTakesPicturesLikePaddedPatches) {
    at::NoGradGuard noGrad;
    const auto model = randomSiglip(naflexConfig());
    ASSERT_TRUE(model);
    const at::Tensor pixels = at::randn({1, 3, 16, 40});
    const auto picture = model->encoder()->encode(pixels, {});
    ASSERT_TRUE(picture) << picture.error().text();
    ModelCall call;
    call.id = "a";
    call.inputs = {{"pixel_values", patchesOf(pixels, 8, 13)},
                   {"pixel_attention_mask", at::arange(13).lt(10).to(at::kInt).unsqueeze(0)},
                   {"spatial_shapes", at::tensor(std::vector<int64_t>{2, 5}).unsqueeze(0)}};
    call.outputs = {"last_hidden_state", "pooler_output"};
    const auto patches = model->runCall(call);
    ASSERT_TRUE(patches) << patches.error().text();
    EXPECT_TRUE(at::allclose(patches->at("pooler_output"), picture->summary, 1e-4, 1e-5));
    EXPECT_TRUE(at::allclose(patches->at("last_hidden_state").narrow(1, 0, 10).transpose(1, 2),
                             picture->features.flatten(2), 1e-4, 1e-5));
}

TEST(Siglip, NaflexRefusesShapesThatDoNotFit) {
    at::NoGradGuard noGrad;
    const auto model = randomSiglip(naflexConfig());
    ASSERT_TRUE(model);
    ModelCall call;
    call.id = "a";
    call.inputs = {{"pixel_values", at::zeros({1, 4, 192})},
                   {"spatial_shapes", at::tensor(std::vector<int64_t>{2, 5}).unsqueeze(0)}};
    call.outputs = {"pooler_output"};
    const auto result = model->runCall(call);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().text(), HasSubstr("spatial_shapes"));
}

TEST(Siglip, DenseEmbeddingOfOnePatchIsTheImageEmbedding) {
    at::NoGradGuard noGrad;
    const auto model = randomSiglip(fixedConfig());
    ASSERT_TRUE(model);
    const at::Tensor pixels = at::randn({2, 3, 8, 8});
    const auto dense = model->textEncoder()->denseEmbedding(pixels);
    const auto whole = model->textEncoder()->imageEmbedding(pixels);
    ASSERT_TRUE(dense && whole);
    EXPECT_EQ(dense->sizes(), (std::vector<int64_t>{2, 32, 1, 1}));
    EXPECT_TRUE(at::allclose(dense->flatten(1), *whole, 1e-4, 1e-5));
}

TEST(Siglip, TextIsPooledAtTheLastToken) {
    at::NoGradGuard noGrad;
    const auto model = randomSiglip(fixedConfig());
    ASSERT_TRUE(model);
    const at::Tensor ids = at::tensor(std::vector<int64_t>{4, 5, 6, 1, 1, 1}).unsqueeze(0);
    const auto padded = model->textEncoder()->encodeText(ids, {});
    const auto masked = model->textEncoder()->encodeText(ids, ids.ne(1));
    ASSERT_TRUE(padded && masked);
    EXPECT_EQ(padded->sizes(), (std::vector<int64_t>{1, 32}));
    EXPECT_FALSE(at::allclose(*padded, *masked, 1e-4, 1e-5));
    EXPECT_FALSE(model->textEncoder()->encodeText(at::full({1, 6}, 50), {}));
}

TEST(Siglip, ReportsWrongConfigurations) {
    Json config = naflexConfig();
    config["vision_config"]["num_patches"] = 10;
    const auto model = createSiglip(testing::folderOf(config));
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("square number"));
}

}  // namespace
}  // namespace vitrine
