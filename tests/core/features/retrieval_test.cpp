#include "core/features/retrieval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

at::Tensor bank() {
    return at::tensor({1.f, 0.f, 0.f, 2.f, -1.f, 0.f, 3.f, 3.f}).reshape({4, 2});
}

TEST(Retrieval, NeighboursComeByCosine) {
    const auto found = nearestNeighbors(at::tensor({5.f, 0.1f}).reshape({1, 2}), bank(), 3);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->index.equal(at::tensor({0, 3, 1}, at::kLong).reshape({1, 3})));
    EXPECT_NEAR(found->similarity[0][1].item<double>(), (5.1 / std::sqrt(25.01)) / std::sqrt(2.), 1e-5);
    const auto self = nearestNeighbors(bank(), bank(), 9, true);
    ASSERT_TRUE(self);
    EXPECT_EQ(self->index.size(1), 3);
    for (int64_t query = 0; query < 4; ++query)
        EXPECT_FALSE((self->index[query] == query).any().item<bool>());
    EXPECT_THAT(nearestNeighbors(at::ones({1, 3}), bank(), 1).error().text(), HasSubstr("width 3"));
}

TEST(Retrieval, VoteWeighsCloseNeighboursMore) {
    const Neighbors neighbors{at::tensor({0, 1, 2}, at::kLong).reshape({1, 3}),
                              at::tensor({0.9f, 0.2f, 0.2f}).reshape({1, 3})};
    const auto votes = knnVote(neighbors, at::tensor({1, 0, 0}, at::kLong), 2);
    ASSERT_TRUE(votes);
    EXPECT_GT((*votes)[0][1].item<double>(), 0.99);
    EXPECT_NEAR(votes->sum().item<double>(), 1, 1e-6);
    // At a high temperature the majority wins.
    EXPECT_GT((*knnVote(neighbors, at::tensor({1, 0, 0}, at::kLong), 2, 100))[0][0].item<double>(), 0.6);
    EXPECT_FALSE(knnVote(neighbors, at::tensor({1, 0, 7}, at::kLong), 2));
}

TEST(Retrieval, ZeroShotByHand) {
    const auto images = at::tensor({2.f, 0.f}).reshape({1, 2});
    const auto texts = at::tensor({1.f, 0.f, 0.f, 5.f}).reshape({2, 2});
    const auto soft = *zeroShotScores(images, texts, std::log(2.), 0, ZeroShotForm::Softmax);
    EXPECT_NEAR(soft[0][0].item<double>(), std::exp(2.) / (std::exp(2.) + 1), 1e-6);
    const auto sigmoid = *zeroShotScores(images, texts, std::log(2.), -1, ZeroShotForm::Sigmoid);
    EXPECT_NEAR(sigmoid[0][0].item<double>(), 1 / (1 + std::exp(-1.)), 1e-6);
    EXPECT_NEAR(sigmoid[0][1].item<double>(), 1 / (1 + std::exp(1.)), 1e-6);
}

TEST(Retrieval, TextHeatPointsWhereTheTextIs) {
    auto dense = at::zeros({2, 2, 2});
    dense[0].fill_(1);
    dense[1][1][0] = 4;
    dense[0][1][0] = 0;
    const auto texts = at::tensor({1.f, 0.f, 0.f, 1.f}).reshape({2, 2});
    const auto heat = *textHeat(dense, texts);
    EXPECT_NEAR(heat[1][1][0].item<double>(), 1, 1e-6);
    EXPECT_NEAR(heat[1][0][0].item<double>(), 0, 1e-6);
    const auto centred = *textHeat(dense, texts, true);
    EXPECT_LT(centred.sum(0).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace vitrine
