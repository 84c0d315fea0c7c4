// The encoder that the project ships, resources/models/vitrine_s.
#include "core/base/file.h"
#include "core/models/reference_calls.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::filesystem::path shippedFolder() {
    return testing::sourceFolder() / "resources" / "models" / "vitrine_s";
}

TEST(OwnEncoder, GivesTheFeaturesOfTheReference) {
    const auto model = loadModel(shippedFolder(), {});
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ((*model)->family(), "radio");
    // Computed from the shipped weights by tests/data/models/vitrine_s/make_vitrine_s.py.
    const auto data = ReferenceData::read(testing::dataFolder() / "models" / "vitrine_s");
    ASSERT_TRUE(data) << data.error().text();
    std::vector<VerifyRow> rows;
    for (const Json& call : data->meta.at("calls"))
        compareCall(rows, **model, call, *data, at::kCPU);
    EXPECT_EQ(rows.size(), 4);
    for (const VerifyRow& row : rows)
        EXPECT_TRUE(row.passed) << row.tensor << ": largest error " << row.maxError << ", tolerance "
                                << row.tolerance << " " << row.note;
}

TEST(OwnEncoder, OffersWhatItsCardSays) {
    const auto model = loadModel(shippedFolder(), {});
    ASSERT_TRUE(model) << model.error().text();
    const EncoderInfo& info = (*model)->encoder()->info();
    EXPECT_EQ(info.name, "vitrine_s");
    EXPECT_EQ(info.patchSize, 8);
    EXPECT_TRUE(info.normalizesItself);
    EXPECT_EQ(info.adaptors, (std::vector<std::string>{"aliked", "efficientnet", "efficientnet_mid"}));
    EncodeRequest request;
    request.adaptors = info.adaptors;
    at::manual_seed(0);
    const auto output = (*model)->encoder()->encode(at::rand({1, 3, 96, 160}), request);
    ASSERT_TRUE(output) << output.error().text();
    EXPECT_EQ(output->features.sizes(), at::IntArrayRef({1, 256, 12, 20}));
    EXPECT_EQ(output->summary.sizes(), at::IntArrayRef({1, 1280}));
    EXPECT_EQ(output->adaptors.at("aliked").features.sizes(), at::IntArrayRef({1, 64, 12, 20}));
}

TEST(OwnEncoder, IsSmallAndDescribed) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(shippedFolder() / "model.safetensors", error);
    ASSERT_FALSE(error) << error.message();
    EXPECT_LE(bytes, 12'000'000U);
    EXPECT_GT(bytes, 1'000'000U);
    const auto card = readFile(shippedFolder() / "README.md");
    ASSERT_TRUE(card) << card.error().text();
    for (const char* said :
         {"EfficientNet-Lite0", "Apache-2.0", "ALIKED", "BSD-3-Clause", "plasma-workspace-wallpapers",
          "tuxpaint-stamps-default", "GPL-2", "kNN", "mean IoU", "correspondence", "vitrine_s.json"})
        EXPECT_NE(card->find(said), std::string::npos) << said;
}

}  // namespace
}  // namespace vitrine
