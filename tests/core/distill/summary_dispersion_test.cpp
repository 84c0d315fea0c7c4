#include "core/distill/summary_dispersion.h"

#include "core/distill/losses.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>

namespace vitrine {
namespace {

// Summaries around a random axis; a larger spread widens the cone.
at::Tensor cone(int64_t count, int64_t width, double spread, int64_t seed) {
    at::manual_seed(seed);
    const auto axis = at::randn({width});
    return (axis / axis.norm() + spread / std::sqrt(double(width)) * at::randn({count, width})) *
           (0.5 + at::rand({count, 1}));
}

TEST(SummaryDispersion, ConstantPredictorHasExpectedLossOne) {
    int64_t seed = 0;
    for (const double spread : {0.02, 0.5, 1.0, 4.0, 30.0}) {
        const auto summaries = cone(2000, 96, spread, ++seed);
        const auto fitted = fitSummaryCone(summaries);
        ASSERT_TRUE(fitted) << fitted.error().text();
        EXPECT_TRUE(fitted->exact());
        const auto constant = fitted->axis.unsqueeze(0).expand({2000, 96});
        EXPECT_NEAR(angleLoss(constant, summaries.to(at::kDouble), fitted->dispersion).item<double>(), 1,
                    1e-12)
            << spread;
        // The length of the prediction does not matter, float32 does not either.
        EXPECT_NEAR(angleLoss((constant * 7).to(at::kFloat), summaries, fitted->dispersion).item<double>(), 1,
                    1e-4);
        EXPECT_NEAR(fitted->axis.norm().item<double>(), 1, 1e-12);
    }
}

TEST(SummaryDispersion, WideConesHaveLargerDispersion) {
    const auto narrow = fitSummaryCone(cone(3000, 64, 0.6, 1)), wide = fitSummaryCone(cone(3000, 64, 20, 2));
    EXPECT_LT(narrow->dispersion, 0.5);
    EXPECT_GT(wide->dispersion, 1.8);  // nearly orthogonal: (π/2)² = 2.47 at the limit
    EXPECT_LT(wide->dispersion, 2.6);
    EXPECT_GT(narrow->concentration, wide->concentration);
}

TEST(SummaryDispersion, ByHandInThePlane) {
    // 60 degrees to either side of the x axis; lengths weigh in the axis only.
    const auto summaries =
        at::tensor({0.5, std::sqrt(0.75), 0.5, -std::sqrt(0.75)}, at::kDouble).reshape({2, 2});
    const auto fitted = fitSummaryCone(summaries);
    ASSERT_TRUE(fitted);
    EXPECT_NEAR(fitted->axis[0].item<double>(), 1, 1e-12);
    EXPECT_NEAR(fitted->dispersion, std::pow(std::numbers::pi / 3, 2), 1e-7);
    EXPECT_NEAR(fitted->concentration, 0.5, 1e-12);
    EXPECT_NEAR(anglesToAxis(summaries, fitted->axis)[1].item<double>(), std::numbers::pi / 3, 1e-12);
}

TEST(SummaryDispersion, StreamsAndPartsGiveWhatTheWholeGives) {
    const auto summaries = cone(1000, 32, 1, 5);
    const auto whole = *fitSummaryCone(summaries);
    SummaryConeEstimator left(4096, 0), right(4096, 1);
    for (int64_t start = 0; start < 1000; start += 70)
        ASSERT_TRUE(
            (start < 500 ? left : right).add(summaries.slice(0, start, std::min<int64_t>(1000, start + 70))));
    auto resumed = SummaryConeEstimator::fromState(left.state());
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_TRUE(resumed->merge(right));
    const auto joined = resumed->cone();
    ASSERT_TRUE(joined);
    EXPECT_EQ(joined->count, 1000);
    EXPECT_TRUE(joined->exact());
    EXPECT_NEAR(joined->dispersion, whole.dispersion, 1e-12);
    EXPECT_TRUE(at::allclose(joined->axis, whole.axis, 1e-12, 1e-12));
    // Beyond the limit the dispersion is that of a uniform sample around the exact axis.
    SummaryConeEstimator sampled(300);
    ASSERT_TRUE(sampled.add(summaries));
    EXPECT_FALSE(sampled.cone()->exact());
    EXPECT_TRUE(at::allclose(sampled.cone()->axis, whole.axis, 1e-12, 1e-12));
    EXPECT_NEAR(sampled.cone()->dispersion / whole.dispersion, 1, 0.1);
}

TEST(SummaryDispersion, HopelessInputIsNamed) {
    const auto message = [](const at::Tensor& summaries) {
        const auto fitted = fitSummaryCone(summaries);
        return fitted ? std::string("accepted") : fitted.error().text();
    };
    EXPECT_THAT(message(at::ones({1, 4})), ::testing::HasSubstr("two summaries"));
    EXPECT_THAT(message(at::ones({9, 4})), ::testing::HasSubstr("one direction"));
    EXPECT_THAT(message(at::tensor({1., 0., -1., 0.}).reshape({2, 2})), ::testing::HasSubstr("no axis"));
    EXPECT_THAT(message(at::tensor({1., 0., 0., 0.}).reshape({2, 2})), ::testing::HasSubstr("zero vector"));
    EXPECT_THAT(message(at::full({2, 2}, std::nan(""))), ::testing::HasSubstr("NaN"));
    EXPECT_THAT(message(at::zeros({2, 2, 2})), ::testing::HasSubstr("dimensions"));
    EXPECT_FALSE(SummaryConeEstimator().cone());
    SummaryConeEstimator estimator;
    ASSERT_TRUE(estimator.add(at::ones({2, 3})));
    EXPECT_EQ(estimator.add(at::ones({2, 4})).error().code, ErrorCode::ShapeMismatch);
    auto damaged = estimator.state();
    damaged["sum"] = at::zeros({5}, at::kDouble);
    EXPECT_FALSE(SummaryConeEstimator::fromState(damaged));
}

}  // namespace
}  // namespace vitrine
