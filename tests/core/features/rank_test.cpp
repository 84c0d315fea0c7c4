#include "core/features/rank.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(Rank, IsotropicFeaturesUseEveryDirection) {
    const auto eye = at::eye(16, at::kDouble);
    EXPECT_NEAR(*rankMe(eye), 16, 0.01);
    EXPECT_NEAR(*effectiveRank(at::cat({eye, -eye})), 16, 1e-9);
}

TEST(Rank, OneDirectionHasRankOne) {
    at::manual_seed(1);
    const auto line = at::randn({100, 1}, at::kDouble).matmul(at::randn({1, 12}, at::kDouble));
    EXPECT_NEAR(*rankMe(line), 1, 1e-3);
    EXPECT_NEAR(*effectiveRank(line), 1, 1e-6);
}

TEST(Rank, TwoSingularValuesByHand) {
    // p = 3/4, 1/4.
    const double expected = std::exp(-(0.75 * std::log(0.75) + 0.25 * std::log(0.25)));
    EXPECT_NEAR(*rankMe(at::diag(at::tensor({3., 1.}, at::kDouble))), expected, 1e-5);
}

TEST(Rank, LidarCountsDirectionsThatTellPicturesApart) {
    at::manual_seed(2);
    // Four pictures at the corners of a tetrahedron (three directions), views scattered far less along all
    // axes.
    const auto corners =
        at::tensor({1., 1., 1., 1., -1., -1., -1., 1., -1., -1., -1., 1.}, at::kDouble).reshape({4, 3});
    auto means = at::zeros({4, 10}, at::kDouble);
    means.slice(1, 0, 3).copy_(corners);
    const auto samples = means.unsqueeze(1) + 0.1 * at::randn({4, 400, 10}, at::kDouble);
    EXPECT_NEAR(*lidar(samples), 3, 0.1);
    // Strong views along the first axis hide it.
    auto noisy = samples.clone();
    noisy.select(2, 0).add_(50 * at::randn({4, 400}, at::kDouble));
    EXPECT_LT(*lidar(noisy), 2.3);
}

TEST(Rank, UserErrorsAreValues) {
    EXPECT_FALSE(rankMe(at::zeros({4, 4})));
    EXPECT_FALSE(effectiveRank(at::ones({4, 4})));
    EXPECT_FALSE(lidar(at::zeros({1, 4, 4})));
    EXPECT_FALSE(rankMe(at::full({4, 4}, std::nan(""))));
}

}  // namespace
}  // namespace vitrine
