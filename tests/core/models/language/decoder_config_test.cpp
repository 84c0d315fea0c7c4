#include "tests/core/models/language/small_decoder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

Json llamaJson() {
    return Json::parse(
        R"({"model_type": "llama", "hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 40,
        "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "my_own_note": "kept"})");
}

std::string errorOf(const Json& json) {
    const auto config = decoderConfigFrom(json, "config.json");
    return config ? "" : config.error().text();
}

TEST(DecoderConfig, UnknownRopeTypeIsNamed) {
    Json json = llamaJson();
    json["rope_scaling"] = {{"rope_type", "longrope"}, {"factor", 4}};
    EXPECT_THAT(errorOf(json), HasSubstr("\"longrope\""));
    EXPECT_THAT(errorOf(json), HasSubstr("llama3"));
}

TEST(DecoderConfig, QuantisedWeightsAreRefused) {
    Json json = llamaJson();
    json["quantization_config"] = {{"quant_method", "gptq"}};
    EXPECT_THAT(errorOf(json), HasSubstr("quantization_config"));
}

TEST(DecoderConfig, ImpossibleHeadsAreNamedWithTheLayer) {
    Json json = llamaJson();
    json["num_key_value_heads"] = 3;
    EXPECT_THAT(errorOf(json), HasSubstr("layer 0"));
    EXPECT_THAT(errorOf(json), HasSubstr("4 query heads"));
}

TEST(DecoderConfig, UnknownKeysAreKept) {
    const auto config = decoderConfigFrom(llamaJson(), "config.json");
    ASSERT_TRUE(config) << config.error().text();
    const Json written = decoderConfigJson(*config, "float32");
    EXPECT_EQ(written["my_own_note"], "kept");
    EXPECT_FALSE(written.contains("block_configs"));
    EXPECT_EQ(config->rope.base, 500000.0);
}

TEST(DecoderConfig, PuzzlesBlockConfigurationsAreRead) {
    Json json = llamaJson();
    json["model_type"] = "nemotron-nas";
    json["hidden_size"] = 8192;
    json["num_attention_heads"] = 64;
    json["num_key_value_heads"] = 8;
    json["head_dim"] = 128;
    json["block_configs"] = Json::parse(R"([
        {"attention": {"n_heads_in_group": 16, "no_op": false, "replace_with_linear": false},
         "ffn": {"ffn_mult": 2.625, "no_op": false, "replace_with_linear": false}},
        {"attention": {"n_heads_in_group": null, "no_op": true, "replace_with_linear": false},
         "ffn": {"ffn_mult": null, "no_op": false, "replace_with_linear": true}}])");
    const auto config = decoderConfigFrom(json, "config.json");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->layers[0].attention.keyValueHeads, 4);
    EXPECT_EQ(config->layers[0].feedForward.intermediate, 14336);
    EXPECT_EQ(config->layers[1].attention.kind, SubLayerKind::NoOp);
    EXPECT_EQ(config->layers[1].feedForward.kind, SubLayerKind::Linear);
    json["block_configs"].erase(0);
    EXPECT_THAT(errorOf(json), HasSubstr("list of 2 blocks"));
}

TEST(DecoderConfig, MixedLayersSurviveWritingAndReading) {
    const DecoderConfig config = testing::mixedConfig();
    ASSERT_TRUE(config.validate());
    const auto again = decoderConfigFrom(decoderConfigJson(config, "float32"), "config.json");
    ASSERT_TRUE(again) << again.error().text();
    ASSERT_EQ(again->depth(), config.depth());
    for (int64_t i = 0; i < config.depth(); ++i) {
        const LayerSettings &a = config.layers[size_t(i)], &b = again->layers[size_t(i)];
        EXPECT_EQ(config.parameterCount(a), config.parameterCount(b)) << "layer " << i;
        EXPECT_EQ(a.attention.kind, b.attention.kind) << "layer " << i;
        EXPECT_EQ(a.feedForward.kind, b.feedForward.kind) << "layer " << i;
    }
}

TEST(DecoderConfig, CountsParametersAsTheNetworkHasThem) {
    for (DecoderConfig config : {testing::smallConfig(), testing::mixedConfig()})
        for (const bool tied : {false, true}) {
            config.tiedEmbeddings = tied;
            config.layers.back().attention.queryKeyNorm = true;
            config.layers.back().attention.queryKeyValueBias = true;
            const auto model = testing::smallModel(config);
            ASSERT_TRUE(model);
            int64_t count = 0;
            for (const at::Tensor& parameter : model->decoder().parameters())
                count += parameter.numel();
            EXPECT_EQ(config.parameterCount(), count);
        }
}

}  // namespace
}  // namespace vitrine
