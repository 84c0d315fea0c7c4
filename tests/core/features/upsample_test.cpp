#include "core/features/upsample.h"

#include "core/features/grid_resize.h"
#include "core/features/learned_jbu.h"
#include "core/features/pca.h"
#include "core/features/upsampler_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// Left half dark, right half bright.
at::Tensor edgePicture(int64_t height, int64_t width, int64_t edge) {
    auto picture = at::full({3, height, width}, 0.1f);
    picture.slice(2, edge).fill_(0.9f);
    return picture;
}

TEST(Upsample, ProjectingFirstGivesTheSamePictureAsProjectingLast) {
    at::manual_seed(1);
    const auto map = at::randn({24, 9, 7});
    const auto guidance = at::rand({3, 75, 61});
    const auto basis = fitPca(map.flatten(1).t());
    ASSERT_TRUE(basis);
    for (const bool halfTaps : {false, true}) {
        const auto taps = JbuTaps::guided(guidance, 9, 7, {.halfTaps = halfTaps});
        ASSERT_TRUE(taps) << taps.error().text();
        const auto display = *taps->apply(*projectOnBasis(*basis, map));
        const auto full = *projectOnBasis(*basis, *taps->apply(map));
        ASSERT_EQ(display.sizes(), at::IntArrayRef({3, 75, 61}));
        const double error = ((display - full).norm() / full.norm()).item<double>();
        // The mean commutes only as far as float16 taps sum to one.
        EXPECT_LT(error, halfTaps ? 1e-3 : 1e-5);
    }
}

TEST(Upsample, TwoPassesGiveWhatTheSumOverAllNeighboursGives) {
    at::manual_seed(5);
    const at::NoGradGuard noGrad;
    struct Case {
        int64_t batch, channels, height, width, toHeight, toWidth;
    };
    // Odd factors, several tiles of rows, one row or column, smaller than before, as before.
    for (const Case& c : {Case{1, 1, 64, 64, 1024, 1024}, Case{2, 3, 9, 7, 301, 83}, Case{1, 2, 1, 5, 3, 40},
                          Case{1, 2, 6, 1, 13, 1}, Case{1, 1, 40, 33, 17, 8}, Case{1, 2, 11, 12, 11, 12}}) {
        const auto map = at::randn({c.batch, c.channels, c.height, c.width});
        const std::vector<int64_t> size{c.toHeight, c.toWidth};
        const auto bilinear = resizeGrid(map, c.toHeight, c.toWidth, GridFilter::Bilinear);
        const auto bicubic = resizeGrid(map, c.toHeight, c.toWidth, GridFilter::Bicubic);
        EXPECT_TRUE(at::allclose(bilinear, at::upsample_bilinear2d(map, size, false), 1e-5, 2e-5))
            << c.toHeight << " x " << c.toWidth;
        EXPECT_TRUE(at::allclose(bicubic, at::upsample_bicubic2d(map, size, false), 1e-5, 2e-5))
            << c.toHeight << " x " << c.toWidth;
        EXPECT_EQ(bicubic.sizes(), at::IntArrayRef({c.batch, c.channels, c.toHeight, c.toWidth}));
    }
    // Float64 and recorded gradients go through ATen.
    EXPECT_EQ(resizeGrid(at::randn({1, 1, 4, 4}, at::kDouble), 8, 8, GridFilter::Bicubic).scalar_type(),
              at::kDouble);
    const at::AutoGradMode recorded(true);
    auto leaf = at::randn({1, 1, 4, 4}).requires_grad_();
    resizeGrid(leaf, 8, 8, GridFilter::Bilinear).sum().backward();
    EXPECT_NEAR(leaf.grad().sum().item<double>(), 64, 1e-4);
}

TEST(Upsample, LearnedFinalLayerFoldsIntoTheProjection) {
    at::manual_seed(4);
    std::map<std::string, at::Tensor> weights;
    for (const std::string level : {"up1.", "up2."}) {
        weights[level + "range_proj.0.weight"] = at::randn({8, 3, 1, 1});
        weights[level + "range_proj.0.bias"] = at::randn({8});
        weights[level + "range_proj.3.weight"] = at::randn({8, 8, 1, 1});
        weights[level + "range_proj.3.bias"] = at::randn({8});
        weights[level + "range_temp"] = at::scalar_tensor(0.3);
        weights[level + "sigma_spatial"] = at::scalar_tensor(0.9);
    }
    weights["fixup_proj.1.weight"] = at::randn({6, 6, 1, 1});
    weights["fixup_proj.1.bias"] = at::randn({6});
    const auto jbu = LearnedJbu::fromTensors(weights);
    ASSERT_TRUE(jbu) << jbu.error().text();
    const auto map = at::randn({6, 5, 4}), guidance = at::rand({3, 20, 16}), components = at::randn({3, 6});
    const auto full = at::einsum("kc,chw->khw", {components, *jbu->upsample(map, guidance)});
    const auto folded = jbu->fold(components);
    ASSERT_TRUE(folded);
    const auto taps = jbu->taps(guidance, 5, 4);
    ASSERT_TRUE(taps);
    const auto display = *taps->apply(at::einsum("kc,chw->khw", {folded->components, map})) +
                         folded->offset.reshape({3, 1, 1});
    EXPECT_TRUE(at::allclose(display, full, 1e-4, 1e-4));

    weights.erase("up2.range_proj.3.bias");
    EXPECT_THAT(LearnedJbu::fromTensors(weights).error().text(), HasSubstr("up2.range_proj.3.bias"));
    EXPECT_THAT(jbu->upsample(at::randn({5, 5, 4}), guidance).error().text(), HasSubstr("6 channels"));
}

TEST(Upsample, ConstantFeaturesStayConstant) {
    const auto taps = JbuTaps::guided(at::rand({3, 40, 50}), 5, 6, {.halfTaps = false});
    ASSERT_TRUE(taps);
    const auto out = *taps->apply(at::full({2, 5, 6}, 3.f));
    EXPECT_LT((out - 3).abs().max().item<double>(), 1e-4);
}

TEST(Upsample, GuidedEdgesAreSharperThanBilinearOnes) {
    // Features change between patch columns 3 and 4, as the picture does at pixel 64.
    auto map = at::zeros({1, 8, 8});
    map.slice(2, 4).fill_(1.f);
    const auto picture = edgePicture(128, 128, 64);
    const auto taps = JbuTaps::guided(picture, 8, 8);
    ASSERT_TRUE(taps);
    const auto sharp = *taps->apply(map);
    const auto smooth = *resizeFeatures(map, 128, 128, ResizeMode::Bilinear);
    const auto truth = (picture.slice(0, 0, 1) > 0.5).to(at::kFloat);
    const double sharpError = (sharp - truth).abs().mean().item<double>();
    EXPECT_LT(sharpError, 0.5 * (smooth - truth).abs().mean().item<double>());
    const auto row = sharp[0][64];
    EXPECT_GT((row[64] - row[63]).item<double>(),
              0.5);  // the jump lies between the very pixels where the edge is
}

TEST(Upsample, LevelsDoubleUntilTheTarget) {
    using Sizes = std::vector<std::pair<int64_t, int64_t>>;
    EXPECT_EQ(jbuLevelSizes(16, 16, 64, 64), (Sizes{{32, 32}, {64, 64}}));
    EXPECT_EQ(jbuLevelSizes(16, 10, 56, 35), (Sizes{{32, 20}, {56, 35}}));
    EXPECT_EQ(jbuLevelSizes(7, 7, 7, 7), (Sizes{{7, 7}}));
}

TEST(Upsample, NearestRepeatsPatches) {
    const auto map = at::arange(4, at::kFloat).reshape({1, 2, 2});
    const auto out = *resizeFeatures(map, 4, 6, ResizeMode::Nearest);
    EXPECT_TRUE(out[0][0].equal(at::tensor({0.f, 0.f, 0.f, 1.f, 1.f, 1.f})));
    EXPECT_TRUE(out[0][3].equal(at::tensor({2.f, 2.f, 2.f, 3.f, 3.f, 3.f})));
}

TEST(Upsample, UserErrorsAreNamed) {
    EXPECT_THAT(JbuTaps::guided(at::rand({3, 8, 8}), 16, 16).error().text(),
                HasSubstr("smaller than the feature grid"));
    EXPECT_THAT(JbuTaps::guided(at::rand({3, 8, 8}), 4, 4, {.radius = 9}).error().text(),
                HasSubstr("radius"));
    const auto taps = JbuTaps::guided(at::rand({3, 8, 8}), 4, 4);
    ASSERT_TRUE(taps);
    EXPECT_THAT(taps->apply(at::zeros({2, 4, 5})).error().text(), HasSubstr("the map is 4 x 5"));
}

TEST(UpsamplerRegistry, FindsWhatWasAddedAndNamesTheNearest) {
    UpsamplerRegistry registry;
    const auto answer = [](float value) {
        return [value](const at::Tensor& map, const at::Tensor& guidance) -> Result<at::Tensor> {
            return at::full({map.size(0), guidance.size(1), guidance.size(2)}, value);
        };
    };
    registry.add({"guided", "first", answer(1)});
    registry.add({"guided", "replaced", answer(2)});
    EXPECT_EQ(registry.all().size(), 1u);
    const auto found = registry.find("guided");
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->summary, "replaced");
    const auto out = (*found)->upsample(at::zeros({5, 2, 2}), at::zeros({3, 4, 6}));
    EXPECT_TRUE(out->equal(at::full({5, 4, 6}, 2.f)));
    EXPECT_THAT(registry.find("gided").error().text(), HasSubstr("guided"));
}

}  // namespace
}  // namespace vitrine
