#include "core/models/language/language_model.h"
#include "core/models/reference_calls.h"
#include "tests/core/models/golden_check.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LanguageGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(LanguageGolden, MatchesReferences) {
    VITRINE_SHARED_DATA(folder, fs::path("goldens") / GetParam());
    testing::expectMatchesReferences(folder);
}

// The older key style describes the same model.
TEST_P(LanguageGolden, LegacyConfigurationGivesTheSame) {
    VITRINE_SHARED_DATA(folder, fs::path("goldens") / GetParam());
    const auto newer = loadLanguageModel(folder, {});
    ASSERT_TRUE(newer) << newer.error().text();
    const auto opened = openModelFolder(folder, "config.legacy.json");
    ASSERT_TRUE(opened) << opened.error().text();
    auto older = ModelFamilies::instance().load(*opened, {});
    ASSERT_TRUE(older) << older.error().text();
    const LanguageModel* legacy = asLanguageModel(older->get());
    ASSERT_TRUE(legacy);
    const auto data = ReferenceData::read(folder);
    ASSERT_TRUE(data);
    const at::Tensor ids = data->inputs.at("a.input_ids");
    EXPECT_TRUE(at::equal((*newer)->decoder().logits(ids), legacy->decoder().logits(ids)));
}

TEST_P(LanguageGolden, SurvivesARoundTrip) {
    VITRINE_SHARED_DATA(folder, fs::path("goldens") / GetParam());
    const auto model = loadLanguageModel(folder, {});
    ASSERT_TRUE(model) << model.error().text();
    const fs::path copy = fs::path(::testing::TempDir()) / "language_round_trip" / GetParam();
    for (const uint64_t shardBytes : {uint64_t(1) << 30, uint64_t(100'000)}) {
        fs::remove_all(copy);
        const auto saved =
            saveLanguageModel(**model, copy, {.tokenizerFrom = folder, .shardBytes = shardBytes});
        ASSERT_TRUE(saved) << saved.error().text();
        EXPECT_TRUE(fs::exists(copy / "tokenizer.json"));
        EXPECT_EQ(fs::exists(copy / "model.safetensors"), shardBytes > 1'000'000);
        const auto again = loadLanguageModel(copy, {});
        ASSERT_TRUE(again) << again.error().text();
        const auto data = ReferenceData::read(folder);
        ASSERT_TRUE(data);
        const at::Tensor ids = data->inputs.at("a.input_ids");
        EXPECT_TRUE(at::equal((*model)->decoder().logits(ids), (*again)->decoder().logits(ids)));
        // The configuration says the same in this program's words.
        EXPECT_EQ(decoderConfigJson((*model)->config(), "float32"),
                  decoderConfigJson((*again)->config(), "float32"));
    }
}

// bfloat16 rounds to three digits; a wrong layer shows as an error of the size of the values.
TEST_P(LanguageGolden, ComputesInBfloat16) {
    VITRINE_SHARED_DATA(folder, fs::path("goldens") / GetParam());
    at::NoGradGuard noGrad;
    const auto exact = loadLanguageModel(folder, {});
    const auto half = loadLanguageModel(folder, {.dtype = at::kBFloat16});
    ASSERT_TRUE(exact && half);
    const auto data = ReferenceData::read(folder);
    ASSERT_TRUE(data);
    const at::Tensor ids = data->inputs.at("a.input_ids");
    const at::Tensor a = (*exact)->decoder().logits(ids), b = (*half)->decoder().logits(ids);
    EXPECT_EQ(b.scalar_type(), at::kBFloat16);
    const double error = (a - b.to(at::kFloat)).pow(2).mean().sqrt().item<double>();
    EXPECT_LT(error, 0.08 * a.std().item<double>());
}

INSTANTIATE_TEST_SUITE_P(Folders, LanguageGolden,
                         ::testing::Values("llama", "llama31", "mistral", "nemotron", "qwen2", "qwen3"),
                         [](const auto& info) { return std::string(info.param); });

TEST(LanguageFolder, MissingTensorsAreNamed) {
    VITRINE_SHARED_DATA(folder, "goldens/qwen3");
    auto opened = openModelFolder(folder);
    ASSERT_TRUE(opened);
    opened->config["num_hidden_layers"] = 4;
    const auto model = ModelFamilies::instance().load(*opened, {});
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("model.layers.3.input_layernorm.weight"));
}

TEST(LanguageFolder, WrongShapesAreNamedWithBothShapes) {
    VITRINE_SHARED_DATA(folder, "goldens/llama");
    auto opened = openModelFolder(folder);
    ASSERT_TRUE(opened);
    opened->config["intermediate_size"] = 100;
    const auto model = ModelFamilies::instance().load(*opened, {});
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::ShapeMismatch);
    EXPECT_THAT(model.error().text(), HasSubstr("[100, 48]"));
    EXPECT_THAT(model.error().text(), HasSubstr("[112, 48]"));
}

TEST(LanguageFolder, TensorsBeyondTheConfigurationAreRefused) {
    VITRINE_SHARED_DATA(folder, "goldens/llama");
    auto opened = openModelFolder(folder);
    ASSERT_TRUE(opened);
    opened->config["num_hidden_layers"] = 2;
    const auto model = ModelFamilies::instance().load(*opened, {});
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("model.layers.2."));
}

}  // namespace
}  // namespace vitrine
