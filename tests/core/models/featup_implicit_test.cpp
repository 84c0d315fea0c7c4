// The network of FeatUp's implicit upsampler against its definition, and fits as files.
#include "core/io/safetensors.h"
#include "core/models/featup/implicit_model.h"
#include "tests/support/temporary_folder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

using namespace featup;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

at::Tensor normal(at::IntArrayRef shape, uint64_t seed) {
    return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions());
}

// Gives the mean colour of each patch, over and over, in all channels.
class ColorEncoder : public VisionEncoder {
  public:
    explicit ColorEncoder(int64_t channels, double factor = 1) : factor_(factor) {
        info_.name = "colours";
        info_.patchSize = 4;
        info_.featureWidth = channels;
    }
    const EncoderInfo& info() const override { return info_; }
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest&) const override {
        EncoderOutput output;
        output.features =
            factor_ * at::avg_pool2d(pixels, {4, 4}).mean(1, true).expand({-1, info_.featureWidth, -1, -1});
        return output;
    }

  private:
    EncoderInfo info_;
    double factor_;
};

ImplicitConfig smallConfig() {
    ImplicitConfig config;
    config.outputs = 3;
    config.frequencies = 4;
    config.hidden = 6;
    return config;
}

// A fit of random numbers to `picture`, for ColorEncoder(5).
ImplicitFacts writeFit(const std::filesystem::path& file, const at::Tensor& picture) {
    ImplicitFacts facts;
    facts.network = smallConfig();
    facts.encoderName = "colours";
    facts.featureWidth = 5;
    facts.patchSize = 4;
    facts.width = picture.size(3);
    facts.height = picture.size(2);
    facts.cell = 2;
    facts.picture = pictureStamp(picture);
    facts.settings = {{"jitters", 7}};
    ImplicitNetwork network(facts.network);
    network.start(at::make_generator<at::CPUGeneratorImpl>(5));
    const ImplicitBasis basis{normal({5}, 1), normal({3, 5}, 2), at::full({}, 0.5f)};
    const at::Tensor mean = (*ColorEncoder(5).encode(picture, {})).features.mean({0, 2, 3});
    EXPECT_TRUE(writeImplicit(file, facts, network, basis, mean));
    return facts;
}

TEST(FeatUpImplicit, FourierFeaturesAreWhatTheFormulaSays) {
    constexpr int64_t height = 3, width = 5, count = 4;
    ImplicitNetwork network(smallConfig());
    network.start(at::make_generator<at::CPUGeneratorImpl>(3));
    network.to(at::kDouble);
    const at::NoGradGuard noGrad;
    const at::Tensor colors = normal({1, 3, height, width}, 4).to(at::kDouble);
    const at::Tensor found = network.fourierFeatures(colors);
    ASSERT_EQ(found.sizes(), (std::vector<int64_t>{1, 10 * count + 3, height, width}));
    const at::Tensor phases = network.named_parameters()["phases"];
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column) {
            const auto color = [&](int64_t channel) {
                return colors[0][channel][row][column].item<double>();
            };
            const double values[] = {(double(row) + 0.5) / height * 2 - 1,
                                     (double(column) + 0.5) / width * 2 - 1, color(0), color(1), color(2)};
            const auto at = [&](int64_t channel) { return found[0][channel][row][column].item<double>(); };
            for (int64_t f = 0; f < count; ++f)
                for (int64_t value = 0; value < 5; ++value) {
                    const double angle = std::exp(-2 + 12.0 * double(f) / (count - 1)) * values[value];
                    EXPECT_NEAR(at(5 * f + value), std::sin(angle + phases[0][f][value].item<double>()),
                                1e-8);
                    EXPECT_NEAR(at(5 * count + 5 * f + value),
                                std::cos(angle + phases[1][f][value].item<double>()), 1e-8);
                }
            for (int64_t channel = 0; channel < 3; ++channel)
                EXPECT_EQ(at(10 * count + channel), color(channel));
        }
}

TEST(FeatUpImplicit, PublishedSizeTakes303Inputs) {
    EXPECT_EQ(ImplicitConfig().inputs(), 303);
    const ImplicitNetwork network{ImplicitConfig()};
    const auto parameters = network.named_parameters();
    EXPECT_EQ(parameters["layer1.weight"].sizes(), (std::vector<int64_t>{128, 303, 1, 1}));
    EXPECT_EQ(parameters["layer3.weight"].sizes(), (std::vector<int64_t>{128, 128, 1, 1}));
}

TEST(FeatUpImplicit, ColoursAreSpreadOverEachChannel) {
    at::Tensor picture = normal({1, 3, 4, 6}, 6) * 7 + 3;
    picture.select(1, 2).fill_(5);  // a flat channel stays finite
    const at::Tensor colors = implicitColors(picture, 1);
    for (int64_t channel : {0, 1}) {
        EXPECT_FLOAT_EQ(colors[0][channel].min().item<float>(), -0.5);
        EXPECT_FLOAT_EQ(colors[0][channel].max().item<float>(), 0.5);
    }
    EXPECT_FLOAT_EQ(colors[0][2].abs().max().item<float>(), 0.5);
    EXPECT_EQ(implicitColors(picture, 2).sizes(), (std::vector<int64_t>{1, 3, 2, 3}));
}

TEST(FeatUpImplicit, AFileGivesWhatTheNetworkGave) {
    const TemporaryFolder folder;
    const at::Tensor picture = normal({1, 3, 8, 12}, 7);
    const auto file = folder.path() / "fit.safetensors";
    const ImplicitFacts facts = writeFit(file, picture);
    const auto upsampler = loadTrainedUpsampler(file, {});
    ASSERT_TRUE(upsampler) << upsampler.error().text();
    EXPECT_EQ((*upsampler)->name(), "fit");
    const ColorEncoder encoder(5);
    EXPECT_EQ((*upsampler)->cellPixels(encoder.info()), 2);
    const auto fine = (*upsampler)->sharpen(encoder, picture);
    ASSERT_TRUE(fine) << fine.error().text();
    ImplicitNetwork network(facts.network);
    network.start(at::make_generator<at::CPUGeneratorImpl>(5));
    const at::NoGradGuard noGrad;
    const at::Tensor reduced = network.forward(implicitColors(picture, 2));
    const at::Tensor expected =
        at::einsum("kc,bkhw->bchw", {normal({3, 5}, 2), reduced}) * 0.5 + normal({5}, 1).view({1, 5, 1, 1});
    EXPECT_EQ(fine->sizes(), (std::vector<int64_t>{1, 5, 4, 6}));
    EXPECT_TRUE(at::allclose(*fine, expected, 1e-5, 1e-5));
}

TEST(FeatUpImplicit, OtherPicturesAndEncodersAreRefused) {
    const TemporaryFolder folder;
    const at::Tensor picture = normal({1, 3, 8, 12}, 7);
    const auto file = folder.path() / "fit.safetensors";
    writeFit(file, picture);
    const auto upsampler = loadTrainedUpsampler(file, {});
    ASSERT_TRUE(upsampler) << upsampler.error().text();
    const auto refusal = [&](const ColorEncoder& encoder, const at::Tensor& shown) {
        const auto fine = (*upsampler)->sharpen(encoder, shown);
        return fine ? std::string("taken") : fine.error().text();
    };
    at::Tensor changed = picture.clone();
    changed[0][1][3][3] += 0.01;
    EXPECT_EQ(refusal(ColorEncoder(5), picture), "taken");
    EXPECT_THAT(refusal(ColorEncoder(5), changed), HasSubstr("another picture"));
    EXPECT_THAT(refusal(ColorEncoder(5), normal({1, 3, 12, 12}, 7)), HasSubstr("12 x 8 pixels"));
    EXPECT_THAT(refusal(ColorEncoder(6), picture), HasSubstr("5 channels"));
    EXPECT_THAT(refusal(ColorEncoder(5, 1.2), picture), HasSubstr("says something else"));
}

TEST(FeatUpImplicit, DamagedFilesAreTold) {
    const TemporaryFolder folder;
    const auto file = folder.path() / "fit.safetensors";
    const auto told = [&](const std::map<std::string, at::Tensor>& tensors, const std::string& facts) {
        EXPECT_TRUE(writeTensors(file, tensors, {{"featup_implicit", facts}}));
        return loadTrainedUpsampler(file, {}).error().text();
    };
    EXPECT_THAT(told({{"x", at::zeros({1})}}, "{nonsense"), HasSubstr("featup_implicit of fit.safetensors"));
    EXPECT_THAT(told({{"x", at::zeros({1})}}, "{}"), HasSubstr("\"outputs\""));
    ImplicitFacts facts = writeFit(file, normal({1, 3, 8, 12}, 7));
    facts.network.outputs = 1000000;
    facts.featureWidth = 1000000;
    EXPECT_THAT(told({{"basis.components", at::zeros({3, 5})}}, facts.toJson().dump()),
                HasSubstr("basis.components"));
    facts.cell = 5;
    EXPECT_THAT(told({{"x", at::zeros({1})}}, facts.toJson().dump()), HasSubstr("do not divide"));
}

}  // namespace
}  // namespace vitrine
