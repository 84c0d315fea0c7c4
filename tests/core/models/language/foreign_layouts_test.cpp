#include "core/models/language/generation.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/core/models/language/gguf_writer.h"
#include "tests/core/models/language/small_decoder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(Llama2c, StoriesAreToldAsTheyShouldBe) {
    VITRINE_SHARED_DATA(folder, "data/language_models/stories260K");
    const auto model = loadLanguageModel(folder / "stories260K.bin", {});
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ((*model)->config().depth(), 5);
    EXPECT_TRUE((*model)->config().tiedEmbeddings);
    const auto tokenizer = openTokenizer(folder / "tok512.bin");
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    EXPECT_EQ(tokenizer->vocabularySize(), 512);
    JobContext job;
    const auto story = generate(**model, {1}, {.maxNewTokens = 120}, job);
    ASSERT_TRUE(story) << story.error().text();
    const auto text = tokenizer->decode(story->ids, {.skipSpecialTokens = true});
    ASSERT_TRUE(text) << text.error().text();
    EXPECT_THAT(
        *text,
        HasSubstr("Once upon a time, there was a little girl named Lily. She loved to play outside in the "
                  "park. One day, she saw a big, red ball."));
}

TEST(Llama2c, WrittenAsAFolderItIsTheSame) {
    VITRINE_SHARED_DATA(folder, "data/language_models/stories260K");
    at::NoGradGuard noGrad;
    const auto model = loadLanguageModel(folder / "stories260K.bin", {});
    ASSERT_TRUE(model) << model.error().text();
    const fs::path copy = fs::path(::testing::TempDir()) / "stories_folder";
    fs::remove_all(copy);
    ASSERT_TRUE(saveLanguageModel(**model, copy));
    const auto again = loadLanguageModel(copy, {});
    ASSERT_TRUE(again) << again.error().text();
    const at::Tensor ids = testing::someIds(1, 64, 512);
    EXPECT_TRUE(at::equal((*model)->decoder().logits(ids), (*again)->decoder().logits(ids)));
}

// A model written as GGUF, as llama.cpp's converter lays it out, is the same model.
TEST(Gguf, GivesTheSameLogits) {
    at::NoGradGuard noGrad;
    for (const char* type : {"llama", "qwen2", "qwen3", "nemotron"}) {
        DecoderConfig config = testing::smallConfig();
        config.modelType = type;
        for (LayerSettings& layer : config.layers) {
            layer.attention.queryKeyValueBias = config.modelType == "qwen2";
            layer.attention.queryKeyNorm = config.modelType == "qwen3";
            layer.feedForward.gated = config.modelType != "nemotron";
            layer.feedForward.activation = layer.feedForward.gated ? "silu" : "relu2";
        }
        if (config.modelType == "nemotron") {
            config.norm = NormKind::LayerNorm1P;
            config.rope.partial = 0.5;
        }
        const auto model = testing::smallModel(config);
        ASSERT_TRUE(model) << type;
        const fs::path file = fs::path(::testing::TempDir()) / (std::string(type) + ".gguf");
        testing::writeGguf(file, *model);
        const auto again = loadLanguageModel(file, {});
        ASSERT_TRUE(again) << again.error().text();
        EXPECT_EQ((*again)->config().modelType, type);
        const at::Tensor ids = testing::someIds(2, 9);
        EXPECT_TRUE(at::allclose((*again)->decoder().logits(ids), model->decoder().logits(ids), 1e-4, 1e-5))
            << type;
    }
}

DecoderConfig configOfWholeBlocks() {
    DecoderConfig config = testing::smallConfig();
    config.width = 32;
    for (LayerSettings& layer : config.layers)
        layer.feedForward.intermediate = 64;
    return config;
}

TEST(Gguf, QuantisedWeightsAreWhatTheirBlocksSay) {
    at::NoGradGuard noGrad;
    const auto model = testing::smallModel(configOfWholeBlocks());
    ASSERT_TRUE(model);
    const fs::path file = fs::path(::testing::TempDir()) / "eight_bits.gguf";
    testing::writeGguf(file, *model, "", true);
    for (auto& entry : model->decoder().named_parameters())
        if (entry.value().dim() == 2)
            entry.value().copy_(testing::roundedToEightBits(entry.value()));
    const auto again = loadLanguageModel(file, {});
    ASSERT_TRUE(again) << again.error().text();
    const auto found = (*again)->decoder().named_parameters();
    for (const auto& wanted : model->decoder().named_parameters())
        EXPECT_TRUE(at::equal(found[wanted.key()], wanted.value())) << wanted.key();
    const at::Tensor ids = testing::someIds(2, 9), wanted = model->decoder().logits(ids);
    EXPECT_TRUE(at::allclose((*again)->decoder().logits(ids), wanted, 1e-4, 1e-5));
    const auto half = loadLanguageModel(file, {.dtype = at::kBFloat16});
    ASSERT_TRUE(half) << half.error().text();
    const at::Tensor rounded = (*half)->decoder().logits(ids).to(at::kFloat);
    EXPECT_LT((rounded - wanted).norm().item<double>(), 0.1 * wanted.norm().item<double>());
}

// Weights are trained and pruned in place: none may lie in the file's memory map, which is read-only.
TEST(Gguf, WeightsHaveMemoryOfTheirOwn) {
    at::NoGradGuard noGrad;
    const auto model = testing::smallModel(configOfWholeBlocks());
    ASSERT_TRUE(model);
    for (const bool eightBits : {false, true}) {
        const fs::path file = fs::path(::testing::TempDir()) / "written_to.gguf";
        testing::writeGguf(file, *model, "", eightBits);
        const auto loaded = loadLanguageModel(file, {});
        ASSERT_TRUE(loaded) << loaded.error().text();
        for (at::Tensor& parameter : (*loaded)->decoder().parameters())
            parameter.fill_(1);
        const auto again = loadLanguageModel(file, {});
        ASSERT_TRUE(again) << again.error().text();
        for (const at::Tensor& parameter : (*again)->decoder().parameters())
            EXPECT_TRUE(parameter.dim() < 2 || parameter.ne(1).all().item<bool>());
    }
}

TEST(Gguf, TypesThatCannotBeReadAreNamed) {
    const fs::path file = fs::path(::testing::TempDir()) / "unknown_types.gguf";
    testing::writeGguf(file, *testing::smallModel(testing::smallConfig(4)));
    std::stringstream content;
    content << std::ifstream(file, std::ios::binary).rdbuf();
    std::string bytes = content.str();
    for (const std::string name : {"blk.0.attn_norm.weight", "blk.1.attn_norm.weight",
                                   "blk.2.attn_norm.weight", "blk.3.attn_norm.weight"})
        bytes[bytes.find(name) + name.size() + 4 + 8] = 16;
    std::ofstream(file, std::ios::binary) << bytes;
    const auto model = loadLanguageModel(file, {});
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(model.error().text(),
                HasSubstr("blk.0.attn_norm.weight (IQ2_XXS), blk.1.attn_norm.weight (IQ2_XXS), "
                          "blk.2.attn_norm.weight (IQ2_XXS) and 1 more"));
    EXPECT_THAT(model.error().text(), HasSubstr("Q6_K"));
    EXPECT_THAT(model.error().text(), HasSubstr("llama-quantize --allow-requantize"));
}

TEST(Gguf, OtherArchitecturesAreNamed) {
    const fs::path file = fs::path(::testing::TempDir()) / "other.gguf";
    testing::writeGguf(file, *testing::smallModel(testing::smallConfig()), "falcon");
    const auto model = loadLanguageModel(file, {});
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("falcon"));
    EXPECT_THAT(model.error().text(), HasSubstr("qwen3"));
}

TEST(LanguageFile, AnEncoderIsNoLanguageModel) {
    VITRINE_SHARED_DATA(folder, "goldens/clip");
    const auto model = loadLanguageModel(folder, {});
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("clip"));
}

TEST(Llama2cTokenizer, TruncatedFilesAreRefused) {
    const fs::path file = fs::path(::testing::TempDir()) / "tok.bin";
    std::ofstream(file, std::ios::binary) << std::string("\x07\0\0\0\0\0\0\0\x05\0\0\0<un", 15);
    const auto tokenizer = openTokenizer(file);
    ASSERT_FALSE(tokenizer);
    EXPECT_THAT(tokenizer.error().text(), HasSubstr("truncated"));
}

}  // namespace
}  // namespace vitrine
