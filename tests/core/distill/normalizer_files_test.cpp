#include "core/distill/normalizer.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

struct Moments {
    at::Tensor mean, covariance;
};
Moments someMoments(int64_t channels) {
    at::manual_seed(channels);
    const auto mixing = at::randn({channels, channels}, at::kDouble);
    return {at::randn({channels}, at::kDouble), mixing.matmul(mixing.t())};
}

Normalizer fitted(NormalizerKind kind, int64_t channels = 24) {
    const auto moments = someMoments(channels);
    return *Normalizer::fit(kind, moments.mean, moments.covariance, 20);
}

TEST(NormalizerFiles, EveryKindComesBackAsItWas) {
    const testing::TemporaryFolder folder;
    const auto x = at::randn({30, 24});
    for (const NormalizerKind kind : allNormalizerKinds()) {
        const auto normalizer = fitted(kind);
        ASSERT_TRUE(normalizer.save(folder / "n.safetensors"));
        const auto loaded = Normalizer::load(folder / "n.safetensors");
        ASSERT_TRUE(loaded) << loaded.error().text();
        EXPECT_EQ(loaded->kind(), kind);
        EXPECT_TRUE(loaded->normalize(x).equal(normalizer.normalize(x))) << normalizerName(kind);
        EXPECT_TRUE(loaded->denormalize(x).equal(normalizer.denormalize(x)));
        EXPECT_EQ(loaded->report().sampleCount, 20);
        EXPECT_EQ(loaded->report().remarks(), normalizer.report().remarks());
        EXPECT_EQ(loaded->report().rotation, normalizer.report().rotation);
    }
}

TEST(NormalizerFiles, FeatSharpsNamesAreWrittenAndRead) {
    const testing::TemporaryFolder folder;
    const auto normalizer = fitted(NormalizerKind::PhiS);
    const auto state = normalizer.state();
    // y' = alpha rotation (y - mean) by the tensors alone.
    const auto x = at::randn({10, 24}, at::kDouble);
    const auto byHand = (x - state.at("mean")).matmul(state.at("rotation").t()) * state.at("alpha");
    EXPECT_TRUE(at::allclose(normalizer.normalize(x), byHand, 1e-12, 1e-12));
    EXPECT_TRUE(at::allclose(state.at("inv_rotation"), state.at("rotation").t(), 1e-12, 1e-12));
    // A checkpoint with other tensors around it, in float32, without our own names.
    std::map<std::string, at::Tensor> checkpoint{{"upsampler.weight", at::zeros({3})}};
    for (const char* name : {"mean", "alpha", "rotation", "inv_rotation"})
        checkpoint[std::string("normalizer.module.") + name] = state.at(name).to(at::kFloat);
    ASSERT_TRUE(writeTensors(folder / "featsharp.safetensors", checkpoint));
    const auto loaded = Normalizer::load(folder / "featsharp.safetensors");
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ(loaded->kind(), NormalizerKind::PhiS);
    EXPECT_TRUE(at::allclose(loaded->normalize(x), byHand, 1e-4, 1e-5));
}

TEST(NormalizerFiles, RadiosFeatureNormalizerIsRead) {
    const auto normalizer = fitted(NormalizerKind::PhiS);
    const auto radio = Normalizer::fromState(
        {{"mean", normalizer.mean().to(at::kFloat)}, {"tx", normalizer.matrix().to(at::kFloat)}});
    ASSERT_TRUE(radio) << radio.error().text();
    EXPECT_EQ(radio->kind(), NormalizerKind::PhiS);
    EXPECT_NEAR(radio->alpha(), normalizer.alpha(), 1e-6);
    EXPECT_TRUE(at::allclose(radio->inverse(), normalizer.inverse(), 1e-4, 1e-4));
    VITRINE_SHARED_DATA(golden, "goldens/radio_normalized/model.safetensors");
    const auto stored = Normalizer::load(golden);
    ASSERT_TRUE(stored) << stored.error().text();
    EXPECT_GT(stored->channels(), 1);
    const auto x = at::randn({4, stored->channels()}, at::kDouble);
    EXPECT_TRUE(at::allclose(stored->denormalize(stored->normalize(x)), x, 1e-5, 1e-5));
}

TEST(NormalizerFiles, DamageIsNamed) {
    const testing::TemporaryFolder folder;
    const auto state = fitted(NormalizerKind::PcaWhiten).state();
    const auto message = [](std::map<std::string, at::Tensor> tensors) {
        const auto read = Normalizer::fromState(tensors);
        return read ? std::string("accepted") : read.error().text();
    };
    for (const auto& [name, wrong] :
         std::vector<std::pair<std::string, at::Tensor>>{{"mean", at::zeros({0})},
                                                         {"alpha", at::full({1}, -1.0)},
                                                         {"rotation", at::zeros({24, 23})},
                                                         {"inv_rotation", at::eye(24)},
                                                         {"inv_rotation", at::full({24, 24}, std::nan(""))},
                                                         {"kind", at::full({}, 99, at::kLong)},
                                                         {"kind", at::full({}, 1, at::kLong)},
                                                         {"scale", at::zeros({24})}}) {
        auto damaged = state;
        damaged[name] = wrong;
        EXPECT_THAT(message(damaged), ::testing::HasSubstr("normalizer." + name));
    }
    auto damaged = state;
    damaged.erase("mean");
    EXPECT_THAT(message(damaged), ::testing::HasSubstr("normalizer.mean"));
    EXPECT_THAT(message({{"mean", at::zeros({2})}, {"tx", at::zeros({2, 2})}}),
                ::testing::HasSubstr("normalizer.tx"));
    EXPECT_THAT(message({{"mean", at::zeros({2})}, {"rotation", at::ones({2, 2})}}),
                ::testing::HasSubstr("normalizer.inv_rotation"));
    ASSERT_TRUE(writeTensors(folder / "none.safetensors", {{"x", at::zeros({1})}}));
    EXPECT_EQ(Normalizer::load(folder / "none.safetensors").error().code, ErrorCode::NotFound);
    EXPECT_FALSE(Normalizer::load(folder / "missing.safetensors"));
}

}  // namespace
}  // namespace vitrine
