#include "core/upsampling/fidelity.h"

#include "core/distill/random_stream.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

at::Tensor normal(at::IntArrayRef shape) {
    return at::randn(shape, randomStream(13, 0, "fidelity"), at::TensorOptions());
}

TEST(Fidelity, InterpolatedMapsHaveNoSeam) {
    const at::Tensor coarse = normal({32, 8, 8, 8});
    const at::Tensor fine = at::upsample_bilinear2d(coarse, {16, 16}, false);
    EXPECT_NEAR(seamRatio(fine, 8, 2), 1, 0.1);
    EXPECT_NEAR(seamRatio(normal({32, 8, 21, 21}), 7, 3), 1, 0.1);
}

TEST(Fidelity, AStepBetweenTilesIsASeam) {
    at::Tensor map = normal({4, 2, 8, 8});
    map.narrow(2, 4, 4).add_(3);
    // Jumps have mean square 2 elsewhere, and 2 + 9 at the one seam of rows; columns have none.
    EXPECT_NEAR(seamRatio(map, 4, 2, 1), (2 + 2 + 9) / 4.0, 0.6);
    EXPECT_TRUE(std::isnan(seamRatio(at::ones({1, 1, 8, 8}), 4, 2)));
    EXPECT_TRUE(std::isnan(seamRatio(map, 8, 1)));
    EXPECT_TRUE(std::isnan(seamRatio(map, 4, 2)));  // nothing lies far enough inside
}

Result<TruthComparison> compareWithTruth(const at::Tensor& fine, const at::Tensor& truth) {
    TruthSums sums;
    // In two parts, as pictures come.
    VITRINE_TRY_VOID(sums.add(fine.narrow(0, 0, 1), truth.narrow(0, 0, 1)));
    VITRINE_TRY_VOID(sums.add(fine.narrow(0, 1, fine.size(0) - 1), truth.narrow(0, 1, truth.size(0) - 1)));
    return sums.result();
}

TEST(Fidelity, TruthIsComparedByVarianceOverError) {
    const at::Tensor truth = normal({2, 3, 16, 16});
    const auto same = compareWithTruth(truth + 0.5, truth);
    ASSERT_TRUE(same);
    EXPECT_NEAR(same->fidelity, truth.var({0, 2, 3}, false).mean().item<double>() / 0.25, 0.01);
    const auto mean = compareWithTruth(truth.mean({0, 2, 3}, true).expand_as(truth), truth);
    ASSERT_TRUE(mean);
    EXPECT_NEAR(mean->fidelity, 1, 1e-4);
    EXPECT_NEAR(compareWithTruth(2 * truth, truth)->cosine, 1, 1e-6);
    EXPECT_FALSE(compareWithTruth(truth, truth.narrow(2, 0, 8)));
    EXPECT_FALSE(compareWithTruth(truth, at::ones_like(truth)));
    EXPECT_FALSE(compareWithTruth(truth / 0, truth));
    EXPECT_FALSE(TruthSums().result());
}

}  // namespace
}  // namespace vitrine
