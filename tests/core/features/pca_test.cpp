#include "core/features/pca.h"

#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// Tokens with standard deviations 5, 3, 1 along known directions of a random orthonormal frame, plus a mean.
struct Cloud {
    at::Tensor tokens, frame;
};
Cloud cloud(int64_t count, int64_t channels) {
    at::manual_seed(17);
    const auto frame = std::get<0>(at::linalg_qr(at::randn({channels, channels}, at::kDouble))).t();
    auto scale = at::full({channels}, 0.01, at::kDouble);
    scale.slice(0, 0, 3).copy_(at::tensor({5., 3., 1.}, at::kDouble));
    return {(at::randn({count, channels}, at::kDouble) * scale).matmul(frame) + 2, frame};
}

TEST(Pca, FindsKnownDirectionsAndVariances) {
    const auto [tokens, frame] = cloud(20000, 12);
    const auto basis = fitPca(tokens);
    ASSERT_TRUE(basis) << basis.error().text();
    EXPECT_EQ(basis->count(), 9);
    for (int64_t k = 0; k < 3; ++k) {
        const double cosine = (basis->components[k].to(at::kDouble) * frame[k]).sum().item<double>();
        EXPECT_GT(std::abs(cosine), 0.999) << k;
    }
    EXPECT_NEAR(basis->explainedVariance[0].item<double>(), 25, 0.8);
    EXPECT_NEAR(basis->explainedVariance[1].item<double>(), 9, 0.3);
    EXPECT_NEAR(basis->totalVariance, 35, 1);
}

TEST(Pca, ProjectionsHaveTheExplainedVarianceAndNoMean) {
    const auto tokens = cloud(500, 12).tokens;
    const auto basis = fitPca(tokens);
    ASSERT_TRUE(basis);
    const auto projected = projectOnBasis(*basis, tokens.t(), 0, 9);
    ASSERT_TRUE(projected);
    EXPECT_LT(projected->mean(1).abs().max().item<double>(), 1e-5);
    const auto variance = projected->square().mean(1).to(at::kDouble);
    EXPECT_TRUE(at::allclose(variance, basis->explainedVariance, 1e-4, 1e-9));
}

TEST(Pca, WideAndTallPathsAgree) {
    at::manual_seed(3);
    const auto tokens = at::randn({40, 39}, at::kDouble) * at::linspace(0.1, 3, 39, at::kDouble);
    const auto tall = fitPca(tokens);  // covariance
    const auto wide =
        fitPca(at::cat({tokens, at::zeros({40, 3}, at::kDouble)}, 1));  // 42 channels: Gram matrix
    ASSERT_TRUE(tall && wide);
    EXPECT_TRUE(at::allclose(tall->components, wide->components.slice(1, 0, 39), 1e-4, 1e-5));
    EXPECT_TRUE(at::allclose(tall->explainedVariance, wide->explainedVariance, 1e-9, 1e-12));
}

TEST(Pca, SignsAreFixedWhateverTheOrderOfTokens) {
    const auto tokens = cloud(300, 8).tokens;
    const auto one = fitPca(tokens), other = fitPca(tokens.flip(0));
    ASSERT_TRUE(one && other);
    EXPECT_TRUE(at::allclose(one->components.slice(0, 0, 3), other->components.slice(0, 0, 3), 1e-4, 1e-5));
    const auto largest = one->components.gather(1, one->components.abs().argmax(1, true));
    EXPECT_TRUE((largest > 0).all().item<bool>());
}

TEST(Pca, SignsFollowAReference) {
    const auto basis = fitPca(cloud(300, 8).tokens);
    ASSERT_TRUE(basis);
    PcaBasis turned = *basis;
    turned.components = basis->components * at::tensor({-1, 1, -1, 1, 1, 1, 1, 1}).unsqueeze(1);
    const auto aligned = alignSigns(turned, *basis);
    ASSERT_TRUE(aligned);
    EXPECT_TRUE(aligned->components.equal(basis->components));
    // The display range of a turned component is mirrored.
    EXPECT_FLOAT_EQ(aligned->low[0].item<float>(), -turned.high[0].item<float>());
    EXPECT_FLOAT_EQ(aligned->low[1].item<float>(), turned.low[1].item<float>());
}

TEST(Pca, SharedSamplesUndoARotationOfTheSpace) {
    const auto [tokens, frame] = cloud(400, 8);
    const auto reference = fitPca(tokens, {.components = 3});
    // Another "model": the same content in rotated channels with the first two strengths swapped.
    const auto swap = frame.t().matmul(at::diag(at::tensor({0.5, 2., 1., 1., 1., 1., 1., 1.}, at::kDouble)));
    const auto rotation = std::get<0>(at::linalg_qr(at::randn({8, 8}, at::kDouble)));
    const auto otherTokens = (tokens - 2).matmul(swap).matmul(rotation);
    const auto other = fitPca(otherTokens, {.components = 3});
    ASSERT_TRUE(reference && other);
    const auto aligned = alignByShared(*other, otherTokens, *reference, tokens);
    ASSERT_TRUE(aligned);
    const auto a = *projectOnBasis(*reference, tokens.t()), b = *projectOnBasis(*aligned, otherTokens.t());
    for (int64_t k = 0; k < 3; ++k) {
        const double correlation = (a[k].dot(b[k]) / (a[k].norm() * b[k].norm())).item<double>();
        EXPECT_GT(correlation, 0.99) << k;
    }
}

TEST(Pca, ColoursSpanTheDisplayRange) {
    const auto projections = at::tensor({-1.f, 0.f, 1.f, 2.f}).reshape({1, 1, 4}).expand({3, 1, 4});
    const auto colors = pcaColors(projections, at::zeros({3}), at::ones({3}));
    EXPECT_EQ(colors.sizes(), at::IntArrayRef({1, 4, 3}));
    const auto red = colors.select(2, 0).flatten();
    EXPECT_TRUE(red.equal(at::tensor({0, 0, 255, 255}, at::kByte)));
    const auto single = pcaColors(projections.slice(0, 0, 1), at::zeros({1}), at::ones({1}));
    EXPECT_TRUE(single.equal(colors));
}

TEST(Pca, PercentileInterpolates) {
    const auto rows = at::arange(5, at::kDouble).flip(0).unsqueeze(0);
    EXPECT_DOUBLE_EQ(rowPercentile(rows, 0)[0].item<double>(), 0);
    EXPECT_DOUBLE_EQ(rowPercentile(rows, 100)[0].item<double>(), 4);
    EXPECT_DOUBLE_EQ(rowPercentile(rows, 62.5)[0].item<double>(), 2.5);
}

TEST(Pca, SurvivesSavingAndLoading) {
    const testing::TemporaryFolder folder;
    auto basis = fitPca(cloud(100, 8).tokens);
    ASSERT_TRUE(basis);
    basis->note = "two pictures";
    ASSERT_TRUE(savePcaBasis(*basis, folder / "basis.safetensors"));
    const auto loaded = loadPcaBasis(folder / "basis.safetensors");
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_TRUE(loaded->components.equal(basis->components));
    EXPECT_TRUE(loaded->explainedVariance.equal(basis->explainedVariance));
    EXPECT_TRUE(loaded->low.equal(basis->low) && loaded->high.equal(basis->high) &&
                loaded->mean.equal(basis->mean));
    EXPECT_EQ(loaded->sampleCount, 100);
    EXPECT_EQ(loaded->note, "two pictures");
    EXPECT_DOUBLE_EQ(loaded->totalVariance, basis->totalVariance);
}

TEST(Pca, UserErrorsAreNamed) {
    EXPECT_THAT(fitPca(at::randn({1, 4})).error().text(), HasSubstr("at least two tokens"));
    auto bad = at::randn({5, 4});
    bad[2][3] = std::nan("");
    EXPECT_THAT(fitPca(bad).error().text(), HasSubstr("1 of 20 values are NaN"));
    EXPECT_THAT(fitPca(at::zeros({0, 4})).error().text(), HasSubstr("nothing selected"));
    const auto basis = fitPca(at::randn({9, 4}));
    ASSERT_TRUE(basis);
    EXPECT_THAT(projectOnBasis(*basis, at::randn({5, 2, 2})).error().text(),
                HasSubstr("the basis has 4 channels, the features have 5"));
    EXPECT_THAT(projectOnBasis(*basis, at::randn({4, 2, 2}), 6).error().text(), HasSubstr("component 7"));
}

}  // namespace
}  // namespace vitrine
