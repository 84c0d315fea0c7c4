#include "core/io/safetensors.h"
#include "core/models/featup/featup_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

fs::path dataFolder() {
    return testing::dataFolder() / "models" / "featup";
}

// An encoder that gives fixed features.
class FixedEncoder : public VisionEncoder {
  public:
    FixedEncoder(at::Tensor features, int64_t patchSize) : features_(std::move(features)) {
        info_.name = "fixed";
        info_.patchSize = patchSize;
        info_.featureWidth = features_.size(1);
    }
    const EncoderInfo& info() const override { return info_; }
    Result<EncoderOutput> encode(const at::Tensor&, const EncodeRequest&) const override {
        EncoderOutput output;
        output.features = features_;
        return output;
    }

  private:
    at::Tensor features_;
    EncoderInfo info_;
};

std::map<std::string, at::Tensor> expectedTensors() {
    const auto source = openTensors(dataFolder() / "expected.safetensors");
    EXPECT_TRUE(source);
    const auto tensors = readAllTensors(**source);
    EXPECT_TRUE(tensors);
    return *tensors;
}

TEST(FeatUp, ReleasedCheckpointsGiveWhatTheFormulasGive) {
    const auto upsampler = loadTrainedUpsampler(dataFolder() / "featup.ckpt", {});
    ASSERT_TRUE(upsampler) << upsampler.error().text();
    EXPECT_EQ((*upsampler)->name(), "featup");
    EXPECT_FALSE((*upsampler)->squareSide());
    const auto expected = expectedTensors();
    const FixedEncoder encoder(expected.at("features"), 16);
    EXPECT_EQ((*upsampler)->cellPixels(encoder.info()), 1);
    const auto fine = (*upsampler)->sharpen(encoder, expected.at("picture"));
    ASSERT_TRUE(fine) << fine.error().text();
    const at::Tensor wanted = expected.at("expected");
    ASSERT_EQ(fine->sizes(), wanted.sizes());
    EXPECT_LT((*fine - wanted).abs().max().item<double>(), 1e-4 * wanted.abs().max().item<double>());
}

TEST(FeatUp, OddPatchesAreBroughtToThePicture) {
    const auto upsampler = loadTrainedUpsampler(dataFolder() / "featup.ckpt", {});
    ASSERT_TRUE(upsampler);
    const auto expected = expectedTensors();
    const FixedEncoder encoder(expected.at("features"), 14);
    const auto fine = (*upsampler)->sharpen(encoder, at::rand({1, 3, 28, 28}));
    ASSERT_TRUE(fine) << fine.error().text();
    EXPECT_EQ(fine->sizes(), (std::vector<int64_t>{1, 8, 28, 28}));
    const FixedEncoder coarse(expected.at("features"), 32);
    EXPECT_EQ((*upsampler)->cellPixels(coarse.info()), 2);
}

TEST(FeatUp, WrongEncodersAndFoldersAreRefused) {
    const auto upsampler = loadTrainedUpsampler(dataFolder() / "featup.ckpt", {});
    ASSERT_TRUE(upsampler);
    const FixedEncoder wide(at::zeros({1, 12, 2, 2}), 16);
    EXPECT_THAT((*upsampler)->checkFits(wide.info()).error().text(),
                HasSubstr("feature width of 8, fixed has 12"));

    const testing::TemporaryFolder folder;
    const fs::path other = folder.path() / "model.safetensors";
    ASSERT_TRUE(writeTensors(other, {{"weight", at::zeros({2, 2})}}));
    EXPECT_THAT(loadTrainedUpsampler(folder.path(), {}).error().text(), HasSubstr("no trained upsampler"));
    ASSERT_TRUE(writeTensors(other, {{"upsampler.up1.range_temp", at::zeros({})}}));
    EXPECT_THAT(loadTrainedUpsampler(folder.path(), {}).error().text(), HasSubstr("fixup_proj.1.weight"));
    ASSERT_TRUE(writeTensors(other, {{"upsampler.up1.range_temp", at::zeros({})},
                                     {"upsampler.fixup_proj.1.weight", at::zeros({8, 8, 1, 1})}}));
    EXPECT_THAT(loadTrainedUpsampler(folder.path(), {}).error().text(),
                HasSubstr("upsampler.up1.sigma_spatial"));
}

TEST(FeatUp, EveryParameterLearns) {
    auto root = std::make_shared<torch::nn::Module>();
    featup::FeatUpConfig config;
    config.featureWidth = 4;
    config.levelCount = 2;
    const featup::FeatUpNetwork network(*root, config);
    {
        const at::NoGradGuard noGrad;
        at::manual_seed(3);
        for (auto& parameter : root->parameters())
            parameter.normal_(0.0, 0.4);
    }
    network.forward(network.prepared(at::randn({1, 4, 4, 4})), at::rand({1, 3, 16, 16}))
        .square()
        .sum()
        .backward();
    for (const auto& entry : root->named_parameters()) {
        ASSERT_TRUE(entry.value().grad().defined()) << entry.key();
        EXPECT_GT(entry.value().grad().abs().max().item<double>(), 0.0) << entry.key();
    }
}

}  // namespace
}  // namespace vitrine
