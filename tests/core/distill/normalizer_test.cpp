#include "core/distill/normalizer.h"

#include "core/distill/feature_moments.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

at::Tensor teacherFeatures(int64_t count, int64_t channels, double decay = 2) {
    at::manual_seed(channels);
    const auto rotation = std::get<0>(at::linalg_qr(at::randn({channels, channels}, at::kDouble)));
    const auto spectrum = at::logspace(0, -decay, channels, 10, at::kDouble);
    const auto gains = 0.3 + 2 * at::rand({channels}, at::kDouble);
    return (at::randn({count, channels}, at::kDouble) * spectrum).matmul(rotation.t()) * gains +
           at::randn({channels}, at::kDouble);
}

MomentStatistics momentsOf(const at::Tensor& x) {
    FeatureMoments moments({.precision = MomentPrecision::Float64});
    EXPECT_TRUE(moments.add(x));
    return *moments.statistics();
}

Normalizer fitted(NormalizerKind kind, const at::Tensor& x, NormalizerOptions options = {}) {
    auto normalizer = Normalizer::fit(kind, momentsOf(x), options);
    EXPECT_TRUE(normalizer) << normalizer.error().text();
    return *normalizer;
}

double largest(const at::Tensor& values) {
    return values.abs().max().item<double>();
}

at::Tensor covarianceOf(const at::Tensor& x) {
    const auto centred = x - x.mean(0);
    return centred.t().matmul(centred) / double(x.size(0) - 1);
}

TEST(Normalizer, EveryKindIsItsOwnInverse) {
    const auto x = teacherFeatures(500, 24);
    for (const NormalizerKind kind : allNormalizerKinds()) {
        const auto normalizer = fitted(kind, x);
        EXPECT_EQ(normalizer.kind(), kind);
        EXPECT_LE(largest(normalizer.denormalize(normalizer.normalize(x)) - x), 1e-10)
            << normalizerName(kind);
        const auto single = x.to(at::kFloat);
        EXPECT_LE(largest(normalizer.denormalize(normalizer.normalize(single)) - single), 5e-5)
            << normalizerName(kind);
        EXPECT_LE(largest(normalizer.matrix().matmul(normalizer.inverse()) - at::eye(24, at::kDouble)),
                  1e-10);
        // y' = W (y - μ) by the stated matrix.
        EXPECT_LE(largest(normalizer.normalize(x) - (x - normalizer.mean()).matmul(normalizer.matrix().t())),
                  1e-10);
        const auto maps = x.slice(0, 0, 40).reshape({2, 4, 5, 24}).permute({0, 3, 1, 2});
        EXPECT_LE(largest(normalizer.normalizeMaps(maps).permute({0, 2, 3, 1}).reshape({40, 24}) -
                          normalizer.normalize(x.slice(0, 0, 40))),
                  1e-10);
        EXPECT_LE(largest(normalizer.denormalizeMaps(normalizer.normalizeMaps(maps)) - maps), 1e-10);
    }
}

TEST(Normalizer, PhiSGivesEveryChannelVarianceOne) {
    for (const int64_t channels : {12, 24, 64, 192, 384}) {
        const auto x = teacherFeatures(600, channels);
        const auto normalizer = fitted(NormalizerKind::PhiS, x);
        const auto covariance = covarianceOf(normalizer.normalize(x));
        EXPECT_LE(largest(covariance.diagonal() - 1), 1e-9) << channels;
        EXPECT_LE(largest(normalizer.expectedVariances(momentsOf(x).covariance) - 1), 1e-9);
        // One scale and a rotation: distances keep their ratio.
        const auto a = normalizer.normalize(x);
        const auto ratio = (a.slice(0, 1) - a.slice(0, 0, -1)).norm(2, {1}) /
                           (x.slice(0, 1) - x.slice(0, 0, -1)).norm(2, {1});
        EXPECT_LE(largest(ratio - normalizer.alpha()), 1e-9);
        EXPECT_TRUE(normalizer.isIsotropic());
        EXPECT_TRUE(normalizer.report().remarks().empty());
    }
}

TEST(Normalizer, WhiteningGivesTheIdentity) {
    const auto x = teacherFeatures(800, 20);
    for (const auto kind : {NormalizerKind::PcaWhiten, NormalizerKind::Zca, NormalizerKind::HadamardWhiten}) {
        const auto normalizer = fitted(kind, x);
        EXPECT_LE(largest(covarianceOf(normalizer.normalize(x)) - at::eye(20, at::kDouble)), 1e-8)
            << normalizerName(kind);
        EXPECT_FALSE(normalizer.isIsotropic());
    }
    const auto zca = fitted(NormalizerKind::Zca, x).matrix();
    EXPECT_LE(largest(zca - zca.t()), 1e-10);
}

TEST(Normalizer, StandardisingAndGlobalScale) {
    const auto x = teacherFeatures(800, 20);
    const auto each = fitted(NormalizerKind::Standardise, x).normalize(x);
    EXPECT_LE(largest(each.std(0) - 1), 1e-10);
    const auto global = fitted(NormalizerKind::Global, x);
    const auto y = global.normalize(x);
    EXPECT_NEAR(y.flatten().std().item<double>(), 1, 1e-10);
    EXPECT_NEAR(y.mean().item<double>(), 0, 1e-10);
    EXPECT_NEAR(global.alpha(), 1 / x.flatten().std().item<double>(), 1e-10);
    // Channel means differ, so the one mean makes σ_g larger than φ.
    EXPECT_LT(global.alpha(), fitted(NormalizerKind::PhiS, x).alpha());
    EXPECT_TRUE(fitted(NormalizerKind::None, x).normalize(x).equal(x));
}

TEST(Normalizer, OneHotErrorsKeepTheirSizeInIsotropicSpacesOnly) {
    const auto x = teacherFeatures(800, 32);
    const auto phiS = fitted(NormalizerKind::PhiS, x), whitened = fitted(NormalizerKind::HadamardWhiten, x),
               pca = fitted(NormalizerKind::PcaWhiten, x);
    const auto oneHot = at::eye(32, at::kDouble);
    const double phi = momentsOf(x).phi();
    EXPECT_LE(largest(phiS.errorInTeacherSpace(oneHot).norm(2, {1}) - phi), 1e-9);
    EXPECT_LE(largest(whitened.errorInTeacherSpace(oneHot).norm(2, {1}) - phi), 1e-9);
    const auto pcaErrors = pca.errorInTeacherSpace(oneHot).norm(2, {1});
    EXPECT_GT((pcaErrors.max() / pcaErrors.min()).item<double>(), 10);
}

TEST(Normalizer, SignsAreFixedAsPublished) {
    const auto x = teacherFeatures(500, 24);
    // Rows of Uᵀ: PCA whitening's rows have their signs.
    EXPECT_TRUE(fitted(NormalizerKind::PcaWhiten, x).matrix().diagonal().ge(0).all().item<bool>());
    // H = φ⁻¹... : W U Λ^... gives H back; its diagonal has no negative entry.
    const auto pca = fitted(NormalizerKind::PcaWhiten, x), phiS = fitted(NormalizerKind::PhiS, x);
    const auto basis = pca.matrix() / pca.matrix().norm(2, {1}, true);  // Uᵀ
    const auto hadamard = phiS.matrix().matmul(basis.t()) / phiS.alpha();
    EXPECT_TRUE(hadamard.diagonal().gt(0).all().item<bool>());
    EXPECT_LE(largest(hadamard.abs() - 1 / std::sqrt(24.)), 1e-9);
    // A refit on the same moments and one on a mirrored order of samples agree.
    const auto again = fitted(NormalizerKind::PhiS, x.flip({0}));
    EXPECT_LE(largest(again.matrix() - phiS.matrix()), 1e-8);
    const auto other = fitted(NormalizerKind::PcaWhiten, x, {.signs = SignRule::LargestComponent}).matrix();
    EXPECT_TRUE(other.gather(1, other.abs().argmax(1, true)).gt(0).all().item<bool>());
}

TEST(Normalizer, FoldingTheInverseChangesOnlyTheSpace) {
    for (const int64_t channels : {12, 48, 96}) {
        const auto x = teacherFeatures(400, channels);
        for (const NormalizerKind kind : allNormalizerKinds()) {
            const auto normalizer = fitted(kind, x);
            for (const int64_t upsample : {1, 2}) {
                const int64_t rows = channels * upsample * upsample;
                const auto weight = at::randn({rows, 30}), bias = at::randn({rows}),
                           hidden = at::randn({50, 30});
                const auto folded = normalizer.foldInto(weight, bias, upsample);
                ASSERT_TRUE(folded) << folded.error().text();
                const auto head =
                    at::linear(hidden.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
                const auto expected =
                    normalizer.denormalize(head.reshape({50, upsample * upsample, channels})).flatten(1);
                const auto found = at::linear(hidden, folded->weight, folded->bias).to(at::kDouble);
                EXPECT_EQ(folded->weight.scalar_type(), at::kFloat);
                const double error = largest(found - expected) / largest(expected);
                EXPECT_LE(error, 1e-5) << normalizerName(kind) << " " << channels << " x" << upsample;
            }
            const auto unbiased = normalizer.foldInto(at::randn({channels, 4}), {});
            EXPECT_LE(largest(unbiased->bias - normalizer.mean()), 1e-5);
        }
    }
    const auto normalizer = fitted(NormalizerKind::PhiS, teacherFeatures(100, 12));
    EXPECT_EQ(normalizer.foldInto(at::zeros({13, 4}), at::zeros({13})).error().code,
              ErrorCode::ShapeMismatch);
    EXPECT_FALSE(normalizer.foldInto(at::zeros({12, 4}), at::zeros({11})));
    EXPECT_FALSE(normalizer.foldInto(at::zeros({12, 4}), {}, 2));
    EXPECT_FALSE(normalizer.foldInto(at::zeros({12, 4}), {}, 0));
}

TEST(Normalizer, RankDeficiencyIsReportedAndPhiSDoesNotMind) {
    auto x = teacherFeatures(300, 16);
    x.select(1, 3).fill_(1.25);                      // constant
    x.select(1, 7).copy_(2 * x.select(1, 8) - 0.5);  // a copy
    const auto phiS = fitted(NormalizerKind::PhiS, x);
    EXPECT_LE(largest(covarianceOf(phiS.normalize(x)).diagonal() - 1), 1e-9);
    EXPECT_THAT(phiS.report().constantChannels, ::testing::ElementsAre(3));
    EXPECT_EQ(phiS.report().numericalRank, 14);
    EXPECT_EQ(phiS.report().raisedDirections, 0);
    for (const auto kind : {NormalizerKind::PcaWhiten, NormalizerKind::Zca, NormalizerKind::HadamardWhiten}) {
        const auto normalizer = fitted(kind, x);
        EXPECT_EQ(normalizer.report().raisedDirections, 2) << normalizerName(kind);
        EXPECT_EQ(normalizer.report().numericalRank, 14);
        EXPECT_THAT(normalizer.report().remarks(), ::testing::Contains(::testing::HasSubstr("2 directions")));
        EXPECT_TRUE(normalizer.matrix().isfinite().all().item<bool>());
        EXPECT_LE(largest(normalizer.denormalize(normalizer.normalize(x)) - x), 1e-8);
        // What was raised shows as missing variance, nothing blows up.
        const auto variances = normalizer.expectedVariances(momentsOf(x).covariance);
        EXPECT_LE(variances.max().item<double>(), 1 + 1e-6);
    }
    const auto standard = fitted(NormalizerKind::Standardise, x);
    EXPECT_EQ(standard.report().raisedDirections, 1);
    EXPECT_NEAR(standard.expectedVariances(momentsOf(x).covariance)[3].item<double>(), 0, 1e-12);
}

TEST(Normalizer, NoVarianceIsNegativeWhereRoundingMadeACovarianceIndefinite) {
    const auto x = teacherFeatures(200, 12);
    const auto indefinite = covarianceOf(x) - 0.5 * at::eye(12, at::kDouble);
    ASSERT_LT(std::get<0>(at::linalg_eigh(indefinite)).min().item<double>(), 0);
    EXPECT_EQ(fitted(NormalizerKind::PcaWhiten, x).expectedVariances(indefinite).min().item<double>(), 0);
}

TEST(Normalizer, FewSamplesAndHopelessInputAreSaid) {
    const auto few = fitted(NormalizerKind::PhiS, teacherFeatures(10, 24));
    EXPECT_TRUE(few.report().fewerSamplesThanChannels);
    EXPECT_LE(few.report().numericalRank, 9);
    EXPECT_THAT(few.report().remarks(), ::testing::Contains(::testing::HasSubstr("10 vectors")));
    const auto constant = momentsOf(at::ones({20, 4}, at::kDouble));
    EXPECT_THAT(Normalizer::fit(NormalizerKind::PhiS, constant).error().text(),
                ::testing::HasSubstr("equal"));
    EXPECT_TRUE(Normalizer::fit(NormalizerKind::None, constant));
    EXPECT_FALSE(Normalizer::fit(NormalizerKind::PhiS, momentsOf(at::ones({1, 4}, at::kDouble))));
    const auto eye = at::eye(4, at::kDouble), mean = at::zeros({4}, at::kDouble);
    EXPECT_FALSE(Normalizer::fit(NormalizerKind::PhiS, mean, at::zeros({4, 3}, at::kDouble), 10));
    EXPECT_FALSE(Normalizer::fit(NormalizerKind::PhiS, mean, eye * std::nan(""), 10));
    EXPECT_FALSE(Normalizer::fit(NormalizerKind::Zca, mean, eye, 10, {.smallestEigenvalue = 0}));
    EXPECT_TRUE(Normalizer::fit(NormalizerKind::PhiS, mean, eye, 10));
}

TEST(Normalizer, WithoutAHadamardMatrixARandomRotationIsMarked) {
    const auto x = teacherFeatures(2000, 52);
    const auto normalizer = fitted(NormalizerKind::PhiS, x);
    EXPECT_TRUE(normalizer.report().approximateRotation);
    EXPECT_THAT(normalizer.report().remarks(), ::testing::Contains(::testing::HasSubstr("random rotation")));
    EXPECT_LE(largest(normalizer.denormalize(normalizer.normalize(x)) - x), 1e-10);
    const auto variances = normalizer.expectedVariances(momentsOf(x).covariance);
    EXPECT_NEAR(variances.mean().item<double>(), 1, 1e-9);
    EXPECT_GT(largest(variances - 1), 0.01);  // only nearly equal, as it says
    EXPECT_LT(variances.max().item<double>(), 3);
}

TEST(Normalizer, NamesGoBothWays) {
    for (const NormalizerKind kind : allNormalizerKinds())
        EXPECT_EQ(*normalizerFromName(normalizerName(kind)), kind);
    EXPECT_THAT(normalizerFromName("phis").error().text(), ::testing::HasSubstr("phi-s"));
    EXPECT_THAT(normalizerFromName("").error().text(), ::testing::HasSubstr("zca"));
}

TEST(Normalizer, GradientsFlowThroughBothWays) {
    const auto normalizer = fitted(NormalizerKind::PhiS, teacherFeatures(200, 12));
    auto x = at::randn({5, 12}, at::kDouble).requires_grad_();
    const auto weights = at::randn({5, 12}, at::kDouble);
    (normalizer.denormalize(x) * weights).sum().backward();
    EXPECT_LE(largest(x.grad() - weights.matmul(normalizer.inverse())), 1e-10);
}

TEST(Normalizer, ReadyCopiesGiveTheSame) {
    const auto x = teacherFeatures(200, 12);
    const auto normalizer = fitted(NormalizerKind::PhiS, x);
    const auto ready = normalizer.readyFor(at::kCPU, at::kDouble);
    EXPECT_TRUE(ready.normalize(x).equal(normalizer.normalize(x)));
    EXPECT_TRUE(ready.normalize(x.to(at::kFloat)).equal(normalizer.normalize(x.to(at::kFloat))));
    EXPECT_EQ(normalizer.normalize(x.to(at::kBFloat16)).scalar_type(), at::kFloat);
    EXPECT_THROW(normalizer.normalize(at::zeros({3, 11})), std::logic_error);
}

}  // namespace
}  // namespace vitrine
