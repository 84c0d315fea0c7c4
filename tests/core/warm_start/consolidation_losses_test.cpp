#include "core/warm_start/consolidation_losses.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

at::Tensor numbers(std::vector<double> values, at::IntArrayRef shape) {
    return at::tensor(values, at::kDouble).to(at::kFloat).view(shape);
}

TEST(FeatureTerms, DirectionLeavesTheLengthFree) {
    const at::Tensor teacher = at::randn({6, 5});
    EXPECT_NEAR(featureDirectionLoss(teacher * 3, teacher).item<double>(), 0, 1e-10);
    EXPECT_NEAR(featureDirectionLoss(-teacher, teacher).item<double>(), 4, 1e-5);
    const at::Tensor student = numbers({1, 0, 0, 1}, {2, 2}), other = numbers({1, 0, 1, 0}, {2, 2});
    EXPECT_NEAR(featureDirectionLoss(student, other).item<double>(), 1, 1e-6);  // (0 + 2) / 2
}

TEST(FeatureTerms, ConsolidationSumsChannelNorms) {
    const at::Tensor student = numbers({3, 0, 4, 0}, {2, 2});
    EXPECT_NEAR(channelNormLoss(student).item<double>(), 5 / std::sqrt(2.), 1e-5);
    at::Tensor dead = at::zeros({4, 3}).set_requires_grad(true);
    channelNormLoss(dead).backward();
    EXPECT_TRUE(dead.grad().isfinite().all().item<bool>());
}

TEST(FeatureTerms, TheRowSpaceIsWhatTheLastLayerSees) {
    const at::Tensor weight = at::randn({3, 8}), features = at::randn({5, 8});
    const auto [u, s, v] = at::linalg_svd(weight, true);
    const at::Tensor unseen = v.narrow(0, 3, 5);  // an orthonormal basis of the null space
    const at::Tensor moved = features + at::randn({5, 5}).matmul(unseen);
    EXPECT_LT((inRowSpace(features, weight) - inRowSpace(moved, weight)).abs().max().item<double>(), 1e-4);
    EXPECT_EQ(inRowSpace(features, weight).size(1), 3);
}

TEST(DistillationWeights, FollowTheirFormulas) {
    const at::Tensor labels = at::tensor(std::vector<int64_t>{0, 0});
    const at::Tensor teacher = numbers({0.8, 0.2, 0.4, 0.6}, {2, 2}).log();
    const at::Tensor student = numbers({0.5, 0.5, 0.5, 0.5}, {2, 2}).log();
    const auto weights = [&](DistillationTerm term) {
        const at::Tensor found = distillationWeights(term, student, teacher, labels);
        return std::pair(found[0].item<double>(), found[1].item<double>());
    };
    EXPECT_EQ(weights(DistillationTerm::Constant), std::pair(1., 1.));
    EXPECT_EQ(weights(DistillationTerm::None), std::pair(0., 0.));
    EXPECT_EQ(weights(DistillationTerm::TrustHard), std::pair(1., 0.));
    EXPECT_NEAR(weights(DistillationTerm::Trust).first, 0.8 / 0.6, 1e-6);
    EXPECT_NEAR(weights(DistillationTerm::Trust).second, 0.4 / 0.6, 1e-6);
    const double own = std::log(2), others = -(std::log(0.8) + std::log(0.4)) / 2;
    EXPECT_NEAR(weights(DistillationTerm::Relative).first, 0.8 / 0.6 * 2 * own / (own + others), 1e-5);
    const double entropy = -(0.8 * std::log(0.8) + 0.2 * std::log(0.2));
    EXPECT_NEAR(weights(DistillationTerm::Entropy).first, 1 - entropy / std::log(2), 1e-6);
    EXPECT_FALSE(distillationTermFromName("trusty"));
}

TEST(Distillation, IsTheWeightedDivergenceTimesTheSquaredTemperature) {
    const at::Tensor teacher = at::randn({4, 3}), student = at::randn({4, 3});
    const at::Tensor weights = numbers({1, 0, 2, 1}, {4});
    double expected = 0;
    for (int64_t row = 0; row < 4; ++row) {
        const at::Tensor p = (teacher[row] / 2).softmax(0), q = (student[row] / 2).softmax(0);
        expected += weights[row].item<double>() * (p * (p / q).log()).sum().item<double>() * 4 / 4;
    }
    EXPECT_NEAR(weightedDistillation(student, teacher, weights, 2).item<double>(), expected, 1e-5);
    EXPECT_NEAR(weightedDistillation(teacher, teacher, weights, 2).item<double>(), 0, 1e-6);
}

}  // namespace
}  // namespace vitrine
