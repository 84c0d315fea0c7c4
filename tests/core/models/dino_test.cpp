#include "core/models/dino/dino_model.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/random_model.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

const Json kVersion2 = {{"model_type", "dinov2"},   {"hidden_size", 24}, {"num_hidden_layers", 2},
                        {"num_attention_heads", 3}, {"image_size", 28},  {"patch_size", 7},
                        {"mlp_ratio", 2.5},         {"qkv_bias", false}, {"hidden_act", "relu"},
                        {"layer_norm_eps", 1e-5}};
const Json kVersion3 = {{"model_type", "dinov3_vit"}, {"hidden_size", 32},     {"num_hidden_layers", 2},
                        {"num_attention_heads", 2},   {"image_size", 32},      {"patch_size", 8},
                        {"intermediate_size", 40},    {"use_gated_mlp", true}, {"hidden_act", "silu"},
                        {"key_bias", true},           {"mlp_bias", false},     {"num_register_tokens", 2}};

TEST(Dino, Version2MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/dinov2");
    testing::expectMatchesReferences(folder);
}

TEST(Dino, RegistersMatchReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/dinov2_registers");
    testing::expectMatchesReferences(folder);
}

TEST(Dino, Version3MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/dinov3_vit");
    testing::expectMatchesReferences(folder);
}

TEST(Dino, OtherConfigurationsSurviveARoundTrip) {
    testing::expectRoundTrip(kVersion2, createDino, 14, 35);
    testing::expectRoundTrip(kVersion2, createDino, 28, 28, 2, at::kBFloat16);
    testing::expectRoundTrip(kVersion3, createDino, 16, 40);
    Json registers = kVersion2;
    registers["model_type"] = "dinov2_with_registers";
    registers["num_register_tokens"] = 3;
    registers["use_swiglu_ffn"] = true;
    testing::expectRoundTrip(registers, createDino, 21, 28, 3);
}

TEST(Dino, GivesLayersAndAttention) {
    at::NoGradGuard noGrad;
    const auto model = createDino(testing::folderOf(kVersion3));
    ASSERT_TRUE(model) << model.error().text();
    testing::fillRandomly(**model, 3);
    const VisionEncoder& encoder = *(*model)->encoder();
    EXPECT_EQ(encoder.info().prefixTokenCount, 3);
    EncodeRequest request;
    request.layers = {2, 0};
    request.attentionLayers = {1};
    const auto output = encoder.encode(at::randn({2, 3, 16, 24}), request);
    ASSERT_TRUE(output) << output.error().text();
    ASSERT_EQ(output->layers.size(), 2u);
    EXPECT_EQ(output->layers[0].features.sizes(), (std::vector<int64_t>{2, 32, 2, 3}));
    EXPECT_EQ(output->layers[0].prefix.sizes(), (std::vector<int64_t>{2, 3, 32}));
    ASSERT_EQ(output->attention.size(), 1u);
    EXPECT_EQ(output->attention[0].sizes(), (std::vector<int64_t>{2, 2, 9, 9}));
    EXPECT_TRUE(at::allclose(output->attention[0].sum(-1), at::ones({2, 2, 9}), 1e-4, 1e-4));
}

TEST(Dino, AttentionLayersDoNotChangeTheFeatures) {
    at::NoGradGuard noGrad;
    const auto model = createDino(testing::folderOf(kVersion2));
    ASSERT_TRUE(model) << model.error().text();
    testing::fillRandomly(**model, 5);
    const at::Tensor pixels = at::randn({1, 3, 28, 28});
    EncodeRequest request;
    request.attentionLayers = {1, 2};
    const auto plain = (*model)->encoder()->encode(pixels, {});
    const auto watched = (*model)->encoder()->encode(pixels, request);
    ASSERT_TRUE(plain && watched);
    EXPECT_TRUE(at::allclose(plain->features, watched->features, 1e-4, 1e-5));
}

TEST(Dino, NamesTheNearestSize) {
    const auto model = createDino(testing::folderOf(kVersion2));
    ASSERT_TRUE(model) << model.error().text();
    const auto output = (*model)->encoder()->encode(at::zeros({1, 3, 30, 28}), {});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(output.error().text(), HasSubstr("28x28"));
}

TEST(Dino, ReportsWrongConfigurations) {
    const auto errorOf = [](const char* key, const Json& value) {
        Json config = kVersion2;
        config[key] = value;
        const auto model = createDino(testing::folderOf(config));
        return model ? std::string() : model.error().text();
    };
    EXPECT_THAT(errorOf("num_attention_heads", 5), HasSubstr("multiple of the 5 attention heads"));
    EXPECT_THAT(errorOf("hidden_act", "gelo"), HasSubstr("gelo"));
    EXPECT_THAT(errorOf("hidden_size", "many"), HasSubstr("hidden_size"));
    EXPECT_THAT(errorOf("num_hidden_layers", -1), HasSubstr("num_hidden_layers"));
    EXPECT_THAT(errorOf("out_features", Json::array({"stage9"})), HasSubstr("stage9"));
    EXPECT_THAT(errorOf("model_type", "dinov9"), HasSubstr("dinov2_with_registers"));
}

TEST(Dino, NamesASizeThatTheConfigurationLeavesOut) {
    VITRINE_SHARED_DATA(golden, "goldens/dinov2");
    auto folder = openModelFolder(golden);
    ASSERT_TRUE(folder) << folder.error().text();
    folder->config.erase("hidden_size");
    const auto model = ModelFamilies::instance().load(*folder, {});
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("does not state hidden_size"));
}

}  // namespace
}  // namespace vitrine
