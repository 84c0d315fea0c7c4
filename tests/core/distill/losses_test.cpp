#include "core/distill/losses.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>

namespace vitrine {
namespace {

using Loss = std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>;

std::vector<std::pair<const char*, Loss>> allDistances(int64_t dimension) {
    return {
        {"cosine", [=](const auto& a, const auto& b) { return cosineDistance(a, b, dimension); }},
        {"mean square", [=](const auto& a, const auto& b) { return meanSquaredDistance(a, b, dimension); }},
        {"smooth L1", [=](const auto& a, const auto& b) { return smoothL1Distance(a, b, dimension, 0.7); }},
        {"match", [=](const auto& a, const auto& b) { return matchDistance(a, b, dimension); }},
        {"hybrid", [=](const auto& a, const auto& b) { return hybridSquaredDistance(a, b, dimension); }},
        {"angle", [=](const auto& a, const auto& b) { return squaredAngle(a, b, dimension); }}};
}

TEST(Losses, GradientsAgreeWithDifferenceQuotients) {
    at::manual_seed(1);
    for (const auto& [name, loss] : allDistances(1)) {
        auto a = at::randn({2, 6, 3, 2}, at::kDouble).requires_grad_();
        const auto b = at::randn({2, 6, 3, 2}, at::kDouble), weights = at::randn({2, 3, 2}, at::kDouble);
        const auto value = [&](const at::Tensor& x) { return (loss(x, b) * weights).sum(); };
        ASSERT_EQ(loss(a, b).sizes(), weights.sizes()) << name;
        value(a).backward();
        const auto direction = at::randn({2, 6, 3, 2}, at::kDouble);
        const at::NoGradGuard plain;
        const double step = 1e-5;
        const double quotient =
            (value(a + step * direction) - value(a - step * direction)).item<double>() / (2 * step);
        EXPECT_NEAR(quotient, (a.grad() * direction).sum().item<double>(), 1e-7) << name;
    }
}

TEST(Losses, ValuesByHand) {
    const auto a = at::tensor({3., 4.}, at::kDouble).reshape({1, 2}),
               b = at::tensor({4., 3.}, at::kDouble).reshape({1, 2});
    EXPECT_NEAR(cosineDistance(a, b, 1).item<double>(), 1 - 24. / 25, 1e-12);
    EXPECT_NEAR(meanSquaredDistance(a, b, 1).item<double>(), 1, 1e-12);
    EXPECT_NEAR(smoothL1Distance(a, b, 1).item<double>(), 0.5, 1e-12);
    EXPECT_NEAR(smoothL1Distance(a, b, 1, 2).item<double>(), 0.25, 1e-12);
    EXPECT_NEAR(matchDistance(a, b, 1).item<double>(), 0.9 * 0.04 + 0.1 * 0.5, 1e-12);
    EXPECT_NEAR(matchDistance(a, b, 1, {.cosineShare = 0.5, .knee = 2}).item<double>(),
                0.5 * 0.04 + 0.5 * 0.25, 1e-12);
    EXPECT_NEAR(hybridSquaredDistance(a, b, 1).item<double>(), 0.9 * 0.04 + 0.1, 1e-12);
    EXPECT_NEAR(squaredAngle(a, b).item<double>(), std::pow(std::acos(24. / 25), 2), 1e-12);
    EXPECT_NEAR(angleLoss(a, b, 0.5).item<double>(), std::pow(std::acos(24. / 25), 2) / 0.5, 1e-12);
}

TEST(Losses, AnglesAreRightFromNothingToHalfATurn) {
    for (const double angle : {0., 1e-6, 1e-4, 1e-3, 0.05, 0.19, 0.2, 0.21, 1., 2., 3., 3.1}) {
        const auto a = at::tensor({1., 0.}, at::kDouble),
                   b = at::tensor({std::cos(angle), std::sin(angle)}, at::kDouble);
        const double exact = angle * angle;
        EXPECT_NEAR(squaredAngle(a, 3 * b, 0).item<double>(), exact, 1e-9 * exact + 1e-28) << angle;
        const double single = squaredAngle(a.to(at::kFloat), b.to(at::kFloat), 0).item<double>();
        // arccos in float32 would be off by 3e-4 rad at small angles; here components are rounded to 6e-8.
        EXPECT_NEAR(std::sqrt(single), angle, 3e-7 + 1e-7 * angle + (angle > 3 ? 3e-5 : 0)) << angle;
    }
    const auto opposite = squaredAngle(at::tensor({1.f, 0.f}), at::tensor({-1.f, 0.f}), 0).item<double>();
    EXPECT_NEAR(std::sqrt(opposite), std::numbers::pi, 1e-3);
}

TEST(Losses, AngleGradientsAreFiniteWhereArccosHasNone) {
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16})
        for (const double sign : {1., -1., 0.}) {
            const auto target = at::tensor({0.6, 0.8, 0.0}).reshape({1, 3}).to(type);
            auto prediction = (sign * target.to(at::kDouble)).to(type).requires_grad_();
            const auto loss = angleLoss(prediction, target, 0.7);
            loss.backward();
            EXPECT_TRUE(loss.isfinite().item<bool>()) << type << sign;
            EXPECT_TRUE(prediction.grad().isfinite().all().item<bool>()) << type << sign;
            if (sign == 1 && type != at::kBFloat16)
                EXPECT_LE(prediction.grad().abs().max().item<double>(), 1e-6);
        }
}

TEST(Losses, SixteenBitInputIsComputedInFloat) {
    at::manual_seed(2);
    const auto a = at::randn({4, 64}).to(at::kBFloat16), b = at::randn({4, 64}).to(at::kBFloat16);
    for (const auto& [name, loss] : allDistances(-1)) {
        const auto found = loss(a, b);
        EXPECT_EQ(found.scalar_type(), at::kFloat) << name;
        EXPECT_TRUE(at::allclose(found, loss(a.to(at::kFloat), b.to(at::kFloat)))) << name;
    }
}

TEST(Losses, MeanCountsOnlyPlacesInTheMask) {
    auto distances = at::tensor({1., 2., 3., std::nan("")}).requires_grad_();
    const auto mask = at::tensor({1, 0, 1, 0}).to(at::kBool);
    const auto mean = meanOver(distances, mask);
    EXPECT_FLOAT_EQ(mean.item<float>(), 2);
    mean.backward();
    EXPECT_TRUE(distances.grad().equal(at::tensor({0.5f, 0.f, 0.5f, 0.f})));
    EXPECT_FLOAT_EQ(meanOver(at::tensor({1.f, 3.f})).item<float>(), 2);
    // Broadcast over the batch.
    EXPECT_FLOAT_EQ(
        meanOver(at::tensor({1.f, 5.f, 3.f, 7.f}).reshape({2, 2}), at::tensor({1, 0}).to(at::kBool))
            .item<float>(),
        2);
}

TEST(Losses, NothingToCompareGivesZeroNotNaN) {
    auto x = at::randn({2, 3, 0, 4}).requires_grad_();
    const auto empty = meanOver(meanSquaredDistance(x, at::randn({2, 3, 0, 4}), 1));
    EXPECT_EQ(empty.item<float>(), 0);
    empty.backward();
    auto y = at::randn({2, 3}).requires_grad_();
    const auto masked = meanOver(y.square(), at::zeros({2, 3}, at::kBool));
    EXPECT_EQ(masked.item<float>(), 0);
    masked.backward();
    EXPECT_EQ(y.grad().abs().max().item<float>(), 0);
}

TEST(Losses, ZeroVectorsAreFinite) {
    for (const auto& [name, loss] : allDistances(-1)) {
        auto zero = at::zeros({1, 4}).requires_grad_();
        const auto value = loss(zero, at::ones({1, 4}));
        value.sum().backward();
        EXPECT_TRUE(value.isfinite().all().item<bool>()) << name;
        EXPECT_TRUE(zero.grad().isfinite().all().item<bool>()) << name;
    }
}

}  // namespace
}  // namespace vitrine
