#include "core/upsampling/implicit_fitter.h"

#include "core/distill/random_stream.h"
#include "core/models/trained_upsampler.h"
#include "core/upsampling/fidelity.h"
#include "core/upsampling/implicit_loss.h"
#include "tests/support/temporary_folder.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr int64_t kPatch = 8, kCell = 2, kChannels = 6, kHeight = 32, kWidth = 48;

at::Tensor normal(at::IntArrayRef shape, const char* purpose) {
    return at::randn(shape, randomStream(31, 0, purpose), at::TensorOptions());
}

// What the encoder would say if each pixel were a patch: (B, 6, H, W).
at::Tensor pixelFeatures(const at::Tensor& pictures) {
    return at::tanh(at::conv2d(pictures, normal({kChannels, 3, 1, 1}, "colours")));
}

// Means of patches of what its pixels say: the truth at any finer grid is known.
ImplicitEncoder patchEncoder() {
    ImplicitEncoder encoder;
    encoder.name = "patches";
    encoder.identity = "patches 1";
    encoder.patchSize = kPatch;
    encoder.features = [](const at::Tensor& pictures) -> Result<at::Tensor> {
        return at::avg_pool2d(pixelFeatures(pictures), {kPatch, kPatch});
    };
    return encoder;
}

// Discs with hard edges that no patch border knows of.
at::Tensor discs() {
    const at::Tensor y = at::arange(kHeight, at::kFloat).view({-1, 1}),
                     x = at::arange(kWidth, at::kFloat).view({1, -1});
    at::Tensor picture = at::full({1, 3, kHeight, kWidth}, -0.5f);
    const double places[][3] = {{9, 11, 6}, {21, 30, 8}, {6, 38, 5}, {26, 7, 5}};
    for (const auto& [row, column, radius] : places) {
        const at::Tensor inside = ((y - row).square() + (x - column).square()).lt(radius * radius);
        const at::Tensor color = normal({3}, fmt::format("disc {}", row).c_str()).view({1, 3, 1, 1});
        picture = at::where(inside, color, picture);
    }
    return picture;
}

ImplicitOptions smallOptions() {
    ImplicitOptions options;
    options.jitters = 60;
    options.steps = 150;
    options.batch = 4;
    options.cell = kCell;
    options.seed = 3;
    return options;
}

class ImplicitFit : public ::testing::Test {
  protected:
    ImplicitFit() { at::set_num_threads(1); }
    std::unique_ptr<ImplicitFitter> make(const ImplicitOptions& options) {
        auto made = ImplicitFitter::create(options, patchEncoder(), discs());
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
        return made ? std::move(*made) : nullptr;
    }
    static std::string refusal(const ImplicitOptions& options,
                               const ImplicitEncoder& encoder = patchEncoder(),
                               const at::Tensor& picture = discs()) {
        const auto made = ImplicitFitter::create(options, encoder, picture);
        return made ? std::string("made") : made.error().text();
    }
    static double fidelity(const at::Tensor& fine) {
        TruthSums sums;
        EXPECT_TRUE(sums.add(fine, at::avg_pool2d(pixelFeatures(discs()), {kCell, kCell})));
        return sums.result()->fidelity;
    }
    JobContext job_;
};

TEST_F(ImplicitFit, FindsTheFineStructureThatEnlargingMisses) {
    const auto fitter = make(smallOptions());
    const auto report = fitter->fit(job_);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_LT((*report)["unseen_after"].get<double>(), 0.3 * (*report)["unseen_before"].get<double>());
    EXPECT_LT((*report)["last_error"].get<double>(), 0.3 * (*report)["first_error"].get<double>());
    EXPECT_NEAR((*report)["explained"].get<double>(), 1, 1e-6);  // as many components as channels
    const at::Tensor fine = fitter->features();
    ASSERT_EQ(fine.sizes(), (std::vector<int64_t>{1, kChannels, kHeight / kCell, kWidth / kCell}));
    const at::Tensor coarse = *patchEncoder().features(discs());
    const double bilinear =
        fidelity(at::upsample_bilinear2d(coarse, {kHeight / kCell, kWidth / kCell}, false));
    EXPECT_GT(fidelity(fine), 2 * bilinear);
}

TEST_F(ImplicitFit, TheSameSeedGivesTheSameFit) {
    ImplicitOptions options = smallOptions();
    options.steps = 12;
    const auto fitted = [&](uint64_t seed) {
        options.seed = seed;
        const auto fitter = make(options);
        EXPECT_TRUE(fitter->estimate());  // changes nothing
        EXPECT_TRUE(fitter->fit(job_));
        return fitter->features();
    };
    const at::Tensor first = fitted(3);
    EXPECT_TRUE(first.equal(fitted(3)));
    EXPECT_FALSE(first.equal(fitted(4)));
}

TEST_F(ImplicitFit, FewComponentsLeaveTheRestAtTheMean) {
    ImplicitOptions options = smallOptions();
    options.components = 2;
    options.steps = 3;
    options.uncertainty = false;
    const auto fitter = make(options);
    const auto report = fitter->fit(job_);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_LT((*report)["explained"].get<double>(), 0.999);
    const at::Tensor vectors = fitter->features()[0].flatten(1);
    const at::Tensor centred = vectors - vectors.mean(1, true);
    EXPECT_LT(at::linalg_svdvals(centred)[2].item<double>(),
              1e-3 * at::linalg_svdvals(centred)[0].item<double>());
}

TEST_F(ImplicitFit, AFitIsWrittenForItsPictureAndEncoder) {
    ImplicitOptions options = smallOptions();
    options.steps = 5;
    const auto fitter = make(options);
    const TemporaryFolder folder;
    EXPECT_THAT(fitter->write(folder.path() / "early.safetensors", {}).error().text(),
                HasSubstr("not looked at"));
    EXPECT_THAT(fitter->train().error().text(), HasSubstr("not looked at"));
    const auto report = fitter->fit(job_);
    ASSERT_TRUE(report);
    const auto file = folder.path() / "fit.safetensors";
    ASSERT_TRUE(fitter->write(file, *report));
    const auto folderOfFit = openModelFolder(file);
    ASSERT_TRUE(folderOfFit);
    const auto facts = featup::implicitFactsFrom(*folderOfFit);
    ASSERT_TRUE(facts) << facts.error().text();
    EXPECT_EQ(facts->encoderIdentity, "patches 1");
    EXPECT_EQ(facts->settings["jitters"], 60);
    EXPECT_EQ(facts->picture, featup::pictureStamp(discs()));
    EXPECT_EQ(facts->report, *report);
}

TEST_F(ImplicitFit, AStopEndsItBetweenSteps) {
    std::stop_source stop;
    int64_t seen = 0;
    JobContext job(stop.get_token(), [&](const Progress& progress) {
        seen = progress.done;
        if (progress.stage == "FeatUp: steps")
            stop.request_stop();
    });
    EXPECT_EQ(make(smallOptions())->fit(job).error().code, ErrorCode::Cancelled);
    EXPECT_LE(seen, 1);
}

TEST_F(ImplicitFit, TheCostIsToldBefore) {
    ImplicitOptions options = smallOptions();
    const auto few = make(options)->estimate();
    options.jitters = 6000;
    const auto many = make(options)->estimate();
    ASSERT_TRUE(few && many);
    EXPECT_EQ(few->targetBytes, 60 * kChannels * 4 * 6 * 2);
    EXPECT_GT(many->viewSeconds, few->viewSeconds);
    EXPECT_THAT(many->text(), HasSubstr("of steps"));
}

TEST_F(ImplicitFit, WhatCannotBeFittedIsTold) {
    ImplicitOptions options = smallOptions();
    options.cell = 3;
    EXPECT_THAT(refusal(options), HasSubstr("Take 1, 2 or 4"));
    options.cell = 8;
    EXPECT_THAT(refusal(options), HasSubstr("no finer than the patch"));
    options = smallOptions();
    options.kernel = 3;
    EXPECT_THAT(refusal(options), HasSubstr("does not cover"));
    options.kernel = 100;
    EXPECT_THAT(refusal(options), HasSubstr("too wide"));
    ImplicitEncoder bad = patchEncoder();
    bad.features = [](const at::Tensor& x) -> Result<at::Tensor> {
        return at::full({x.size(0), kChannels, 4, 6}, std::nanf(""));
    };
    EXPECT_THAT(refusal(smallOptions(), bad), HasSubstr("not finite"));
    bad.features = [](const at::Tensor& x) -> Result<at::Tensor> {
        return at::zeros({x.size(0), kChannels, 5, 6});
    };
    EXPECT_THAT(refusal(smallOptions(), bad), HasSubstr("no grid of square patches"));
    bad.features = [](const at::Tensor& x) -> Result<at::Tensor> {
        return at::ones({x.size(0), kChannels, 4, 6});
    };
    auto flat = ImplicitFitter::create(smallOptions(), bad, discs());
    ASSERT_TRUE(flat);
    EXPECT_THAT((*flat)->fit(job_).error().text(), HasSubstr("the same of every view"));
    EXPECT_THAT(refusal(smallOptions(), patchEncoder(), at::zeros({1, 4, 8, 8})),
                HasSubstr("expected a picture"));
}

// Each term against differences along a random direction.
TEST(ImplicitLoss, GradientsMatchDifferences) {
    const at::Tensor target = normal({1, 5, 3, 4}, "target").to(at::kDouble);
    const at::Tensor blurred = normal({1, 5, 3, 4}, "blurred").to(at::kDouble);
    const std::pair<const char*, std::function<at::Tensor(const at::Tensor&)>> terms[] = {
        {"length", [](const at::Tensor& x) { return magnitudeOf(x).sum(); }},
        {"lengths after downsampling",
         [&](const at::Tensor& x) { return magnitudeLoss(magnitudeOf(x), target); }},
        {"jumps", [](const at::Tensor& x) { return magnitudeVariation(magnitudeOf(x)); }},
        {"blur", [&](const at::Tensor& x) { return blurPinLoss(x, blurred * x); }},
    };
    for (const auto& [name, term] : terms) {
        at::Tensor map = normal({1, 5, 3, 4}, "map").to(at::kDouble).requires_grad_(true);
        term(map).backward();
        const at::NoGradGuard noGrad;
        const at::Tensor direction = normal({1, 5, 3, 4}, "direction").to(at::kDouble);
        constexpr double kStep = 1e-5;
        const double expected =
            (term(map + kStep * direction) - term(map - kStep * direction)).item<double>() / (2 * kStep);
        EXPECT_NEAR((map.grad() * direction).sum().item<double>(), expected,
                    1e-6 * std::max(1.0, std::abs(expected)))
            << name;
    }
    at::Tensor zero = at::zeros({1, 2, 1, 1}, at::kDouble).requires_grad_(true);
    magnitudeOf(zero).sum().backward();
    EXPECT_TRUE(at::isfinite(zero.grad()).all().item<bool>());
}

TEST(ImplicitLoss, TermsAreWhatTheirFormulasSay) {
    const at::Tensor map =
        at::tensor({3.0f, 0.0f, 4.0f, 1.0f}).view({1, 2, 1, 2});  // vectors (3, 4) and (0, 1)
    const at::Tensor lengths = magnitudeOf(map);
    EXPECT_FLOAT_EQ(lengths[0][0][0][0].item<float>(), 5);
    EXPECT_FLOAT_EQ(lengths[0][0][0][1].item<float>(), 1);
    EXPECT_FLOAT_EQ(magnitudeVariation(lengths).item<float>(), 16.0f / 2);
    EXPECT_FLOAT_EQ(magnitudeLoss(at::tensor({4.0f, 3.0f}).view({1, 1, 1, 2}), map).item<float>(),
                    (1 + 4) / 2.0f);
    EXPECT_FLOAT_EQ(blurPinLoss(map, map + 2).item<float>(), 4);
}

}  // namespace
}  // namespace vitrine
