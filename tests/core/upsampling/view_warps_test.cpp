#include "core/upsampling/view_warps.h"

#include "core/distill/random_stream.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

at::Tensor affine(double scaleX, double scaleY, double right, double down) {
    return at::tensor({scaleX, 0.0, right, 0.0, scaleY, down, 0.0, 0.0, 1.0}, at::kFloat).view({1, 3, 3});
}

class BothAnchors : public ::testing::TestWithParam<WarpAnchor> {};
INSTANTIATE_TEST_SUITE_P(ViewWarps, BothAnchors,
                         ::testing::Values(WarpAnchor::CellCentres, WarpAnchor::OuterEdges));

TEST_P(BothAnchors, TheIdentityChangesNothingAndIsInside) {
    const at::Tensor map = at::rand({1, 3, 7, 5}, randomStream(1, 0, "map"), at::TensorOptions());
    const at::Tensor same = warpToView(map, affine(1, 1, 0, 0), 7, 5, GetParam());
    EXPECT_TRUE(at::allclose(same, map, 1e-4, 1e-5)) << (same - map).abs().max();
    EXPECT_TRUE(insideBase(affine(1, 1, 0, 0), 7, 5, GetParam()).eq(1).all().item<bool>());
}

TEST_P(BothAnchors, MirroringFlipsColumns) {
    const at::Tensor map = at::arange(12, at::kFloat).view({1, 1, 3, 4});
    EXPECT_TRUE(
        at::allclose(warpToView(map, affine(-1, 1, 0, 0), 3, 4, GetParam()), map.flip({3}), 1e-4, 1e-4));
}

TEST(ViewWarps, HalfAWindowIsTheQuadrantByEdges) {
    // The left upper quarter of an 8 x 8 map at half the cells: exactly its cells.
    const at::Tensor map = at::arange(64, at::kFloat).view({1, 1, 8, 8});
    const at::Tensor quarter = warpToView(map, affine(0.5, 0.5, -0.5, -0.5), 4, 4, WarpAnchor::OuterEdges);
    EXPECT_TRUE(at::allclose(quarter, map.narrow(2, 0, 4).narrow(3, 0, 4), 1e-4, 1e-3));
}

TEST(ViewWarps, PictureAndFeaturesAgreeByEdgesOnly) {
    // Features are means of 8 x 8 pixels of a ramp. A view moved aside must show the same in both.
    const at::Tensor ramp =
        at::arange(64, at::kFloat).view({1, 1, 1, 64}).expand({1, 1, 64, 64}).contiguous();
    const at::Tensor features = at::avg_pool2d(ramp, {8, 8});
    const at::Tensor moved = affine(0.5, 0.5, 0.3, 0);
    const auto gap = [&](WarpAnchor anchor) {
        const at::Tensor picture = warpToView(ramp, moved, 64, 64, anchor);
        return (at::avg_pool2d(picture, {8, 8}) - warpToView(features, moved, 8, 8, anchor))
            .abs()
            .max()
            .item<double>();
    };
    EXPECT_LT(gap(WarpAnchor::OuterEdges), 1e-3);
    EXPECT_GT(gap(WarpAnchor::CellCentres), 0.5);  // pixels: the published form
}

TEST(ViewWarps, PlacesBeyondTheBorderAreReflectedAndNotInside) {
    const at::Tensor map = at::arange(4, at::kFloat).view({1, 1, 1, 4});
    const at::Tensor shifted = warpToView(map, affine(1, 1, 1, 0), 1, 4, WarpAnchor::OuterEdges);
    EXPECT_TRUE(at::allclose(shifted.flatten(), at::tensor({2.f, 3.f, 3.f, 2.f}), 1e-4, 1e-4)) << shifted;
    EXPECT_TRUE(insideBase(affine(1, 1, 1, 0), 1, 4, WarpAnchor::OuterEdges)
                    .flatten()
                    .equal(at::tensor({1.f, 1.f, 0.f, 0.f})));
}

TEST(ViewWarps, ViewsKeepToTheirLimits) {
    ViewOptions options;
    options.smallestPerspective = options.largestPerspective = 0;
    const at::Tensor views = drawViews(64, 5, options, randomStream(2, 0, "views"));
    ASSERT_EQ(views.sizes(), (std::vector<int64_t>{64, 5, 3, 3}));
    const at::Tensor scale = views.select(2, 0).narrow(2, 0, 2).norm(2, {2});
    EXPECT_GE(scale.min().item<double>(), 0.5 * 0.95 - 1e-5);
    EXPECT_LE(scale.max().item<double>(), 1 / 0.95 + 1e-5);
    // The window's centre leaves room for the window, and all views of a picture share it.
    const at::Tensor centre = views.select(3, 2).narrow(2, 0, 2);
    EXPECT_LE(centre.abs().max().item<double>(), 0.5 + 1e-5);
    EXPECT_LT((centre - centre.narrow(1, 0, 1)).abs().max().item<double>(), 1e-6);
    EXPECT_GT(scale.std(1).min().item<double>(), 0.0);  // the rest is each view's own
    const at::Tensor again = drawViews(64, 5, options, randomStream(2, 0, "views"));
    EXPECT_TRUE(views.equal(again));
}

TEST(ViewWarps, JitterMirrorsHalfAndZoomsHalf) {
    const at::Tensor views = drawJitter(500, 2, JitterOptions{}, randomStream(3, 0, "jitter")).flatten(0, 1);
    const at::Tensor scaleX = views.select(1, 0).select(1, 0), scaleY = views.select(1, 1).select(1, 1);
    EXPECT_NEAR(scaleX.lt(0).to(at::kFloat).mean().item<double>(), 0.5, 0.06);
    EXPECT_NEAR(scaleY.lt(1).to(at::kFloat).mean().item<double>(), 0.5, 0.06);
    EXPECT_TRUE(at::allclose(scaleX.abs(), scaleY));
    EXPECT_GE(scaleY.min().item<double>(), 0.5);
    const at::Tensor reach = views.select(1, 0).select(1, 2).abs() + scaleY;
    EXPECT_LE(reach.max().item<double>(), 1 + 2 * 20.0 / 224 + 1e-5);
}

TEST(ViewWarps, PerspectiveBendsParallelLines) {
    ViewOptions options;
    options.largestZoom = 1;
    options.largestRotation = 0;
    options.zoomChange = 0;
    options.smallestPerspective = options.largestPerspective = 0.05;
    const at::Tensor view = drawViews(1, 1, options, randomStream(4, 0, "views")).view({1, 3, 3});
    const at::Tensor positions = viewPositions(view, 3, 3, WarpAnchor::CellCentres);
    const auto width = [&](int64_t row) {
        return (positions[0][row][2] - positions[0][row][0]).norm().item<double>();
    };
    EXPECT_GT(std::abs(width(0) - width(2)), 0.05);
}

}  // namespace
}  // namespace vitrine
