#include "core/models/clip/clip_model.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/random_model.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

Json transformersConfig() {
    return Json::parse(R"({"model_type": "clip", "projection_dim": 20,
        "text_config": {"hidden_size": 24, "intermediate_size": 30, "num_attention_heads": 3,
                        "num_hidden_layers": 2, "vocab_size": 50, "max_position_embeddings": 9,
                        "hidden_act": "gelu", "eos_token_id": 7},
        "vision_config": {"hidden_size": 32, "intermediate_size": 40, "num_attention_heads": 4,
                          "num_hidden_layers": 2, "image_size": 32, "patch_size": 8, "layer_norm_eps": 1e-4}})");
}

Json openClipConfig() {
    return Json::parse(R"({"model_cfg": {"embed_dim": 12,
        "vision_cfg": {"image_size": [24, 32], "layers": 2, "width": 32, "patch_size": 8, "head_width": 8,
                       "mlp_ratio": 2.5, "ls_init_value": 0.1, "no_ln_pre": true, "pool_type": "avg",
                       "final_ln_after_pool": true},
        "text_cfg": {"context_length": 10, "vocab_size": 40, "width": 16, "heads": 2, "layers": 1,
                     "pool_type": "last", "no_causal_mask": true}}})");
}

std::unique_ptr<Model> randomClip(const Json& config) {
    auto model = createClip(testing::folderOf(config));
    if (!model) {
        ADD_FAILURE() << model.error().text();
        return nullptr;
    }
    testing::fillRandomly(**model, 11);
    return std::move(*model);
}

at::Tensor ids(std::initializer_list<int64_t> values) {
    return at::tensor(std::vector<int64_t>(values)).unsqueeze(0);
}

TEST(Clip, MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/clip");
    testing::expectMatchesReferences(folder);
}

TEST(Clip, OpenClipMatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/open_clip");
    testing::expectMatchesReferences(folder);
}

TEST(Clip, OtherConfigurationsSurviveARoundTrip) {
    testing::expectRoundTrip(transformersConfig(), createClip, 16, 40);
    testing::expectRoundTrip(transformersConfig(), createClip, 32, 32, 3, at::kBFloat16);
    testing::expectRoundTrip(openClipConfig(), createClip, 24, 32);
    testing::expectRoundTrip(openClipConfig(), createClip, 48, 16);
}

TEST(Clip, TextIsPooledAtTheFirstEndToken) {
    at::NoGradGuard noGrad;
    const auto model = randomClip(transformersConfig());
    ASSERT_TRUE(model);
    const TextEncoder& text = *model->textEncoder();
    const auto shortText = text.encodeText(ids({3, 40, 7}), {});
    const auto padded = text.encodeText(ids({3, 40, 7, 7, 1, 45}), {});
    const auto other = text.encodeText(ids({3, 41, 7}), {});
    ASSERT_TRUE(shortText && padded && other);
    EXPECT_TRUE(at::allclose(*shortText, *padded, 1e-4, 1e-5));
    EXPECT_FALSE(at::allclose(*shortText, *other, 1e-4, 1e-5));
}

TEST(Clip, LegacyEndTokenPoolsAtTheHighestId) {
    at::NoGradGuard noGrad;
    Json config = transformersConfig();
    config["text_config"]["eos_token_id"] = 2;
    const auto model = randomClip(config);
    ASSERT_TRUE(model);
    const TextEncoder& text = *model->textEncoder();
    // 49 is the highest id; what follows cannot be seen through the causal mask, and 2 means nothing.
    const auto first = text.encodeText(ids({3, 2, 49}), {});
    const auto second = text.encodeText(ids({3, 2, 49, 0, 2}), {});
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(at::allclose(*first, *second, 1e-4, 1e-5));
}

TEST(Clip, LegacySectionWins) {
    Json config = transformersConfig();
    config["vision_config_dict"] = config["vision_config"];
    config["vision_config_dict"]["patch_size"] = 16;
    const auto model = randomClip(config);
    ASSERT_TRUE(model);
    EXPECT_EQ(model->encoder()->info().patchSize, 16);
}

TEST(Clip, AbsentKeysTakeThePublishedDefaults) {
    const auto model = createClip(
        testing::folderOf(Json::parse(R"({"model_type": "clip", "vision_config": {"num_hidden_layers": 1},
                        "text_config": {"num_hidden_layers": 1, "vocab_size": 10}})")));
    ASSERT_TRUE(model) << model.error().text();
    const EncoderInfo& info = (*model)->encoder()->info();
    EXPECT_EQ(info.featureWidth, 768);
    EXPECT_EQ(info.patchSize, 32);
    EXPECT_EQ(info.headCount, 12);
    EXPECT_EQ((*model)->textEncoder()->contextLength(), 77);
}

TEST(Clip, DenseEmbeddingLiesInTheTextSpace) {
    at::NoGradGuard noGrad;
    for (const Json& config : {transformersConfig(), openClipConfig()}) {
        const auto model = randomClip(config);
        ASSERT_TRUE(model);
        const auto dense = model->textEncoder()->denseEmbedding(at::randn({2, 3, 24, 16}));
        const auto whole = model->textEncoder()->imageEmbedding(at::randn({2, 3, 24, 16}));
        ASSERT_TRUE(dense && whole);
        EXPECT_EQ(dense->sizes(), (std::vector<int64_t>{2, whole->size(1), 3, 2}));
        EXPECT_GT(dense->std().item<double>(), 1e-4);
    }
}

TEST(Clip, ReportsWrongInputs) {
    at::NoGradGuard noGrad;
    const auto model = randomClip(transformersConfig());
    ASSERT_TRUE(model);
    const auto outside = model->textEncoder()->encodeText(ids({3, 50}), {});
    ASSERT_FALSE(outside);
    EXPECT_THAT(outside.error().text(), HasSubstr("token id 50"));
    EXPECT_FALSE(model->textEncoder()->encodeText(at::zeros({1, 10}, at::kLong), {}));
    const auto size = model->encoder()->encode(at::zeros({1, 3, 30, 32}), {});
    ASSERT_FALSE(size);
    EXPECT_THAT(size.error().text(), HasSubstr("32x32"));
    ModelCall call;
    call.id = "unknown";
    call.inputs["pixel_values"] = at::zeros({1, 3, 32, 32});
    call.outputs = {"loss"};
    const auto unknown = model->runCall(call);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::Unsupported);
}

TEST(Clip, RefusesForeignTowers) {
    const auto errorOf = [](const char* section, const char* key, const Json& value) {
        Json config = openClipConfig();
        config["model_cfg"][section][key] = value;
        const auto model = createClip(testing::folderOf(config));
        return model ? std::string() : model.error().text();
    };
    EXPECT_THAT(errorOf("vision_cfg", "timm_model_name", "vit_base"), HasSubstr("timm model \"vit_base\""));
    EXPECT_THAT(errorOf("vision_cfg", "layers", Json::array({3, 4, 6, 3})), HasSubstr("ResNet"));
    EXPECT_THAT(errorOf("vision_cfg", "attentional_pool", true), HasSubstr("attentional_pool"));
    EXPECT_THAT(errorOf("vision_cfg", "head_width", 7), HasSubstr("head_width"));
    EXPECT_THAT(errorOf("text_cfg", "hf_model_name", "roberta"), HasSubstr("roberta"));
    EXPECT_THAT(errorOf("text_cfg", "pool_type", "median"), HasSubstr("median"));
}

}  // namespace
}  // namespace vitrine
