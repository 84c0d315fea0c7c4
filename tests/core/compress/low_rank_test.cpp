#include "core/compress/low_rank.h"

#include "core/compress/sparsity.h"
#include "tests/core/compress/compress_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

at::Tensor differenceOf(int64_t outputs, int64_t inputs) {
    const auto weight = at::randn({outputs, inputs}) / std::sqrt(double(inputs));
    return weight - weight * *magnitudeMask(weight, SparsityPattern::nOfM(2, 4));
}

TEST(LowRank, EoraPredictsTheErrorThatIsMeasured) {
    at::manual_seed(1);
    for (const auto& [outputs, inputs] :
         std::vector<std::pair<int64_t, int64_t>>{{24, 64}, {64, 24}, {40, 40}})
        for (const int64_t rank : {1, 5, 20}) {
            const auto x = unevenInputs(500, inputs);
            const auto difference = differenceOf(outputs, inputs);
            const auto path = compensate(difference, statisticsOf(x), LowRankMethod::Eora, rank);
            ASSERT_TRUE(path) << messageOf(path);
            const double measured = measuredError(x, difference - path->product());
            EXPECT_NEAR(measured / path->predictedError, 1, 1e-3)
                << outputs << "x" << inputs << " rank " << rank;
            const double all = path->singularValues.square().sum().item<double>();
            EXPECT_NEAR(measuredError(x, difference) / all, 1, 1e-3);
        }
}

// The construction of the paper, with the projection and its inverse spelled out.
at::Tensor plainEora(const at::Tensor& difference, const at::Tensor& moment, int64_t rank) {
    const auto [values, vectors] = at::linalg_eigh(moment);
    const auto projection = vectors * values.sqrt(), back = (vectors / values.sqrt()).t();
    const auto [u, s, vt] = at::linalg_svd(difference.to(at::kDouble).matmul(projection), false);
    return (u.slice(1, 0, rank) * s.slice(0, 0, rank)).matmul(vt.slice(0, 0, rank)).matmul(back);
}

TEST(LowRank, EoraIsTheEigenspaceProjection) {
    at::manual_seed(2);
    for (const auto& [outputs, inputs] : std::vector<std::pair<int64_t, int64_t>>{{24, 48}, {48, 24}}) {
        const auto statistics = statisticsOf(unevenInputs(400, inputs));
        const auto difference = differenceOf(outputs, inputs);
        const auto path = *compensate(difference, statistics, LowRankMethod::Eora, 6);
        const auto expected = plainEora(difference, statistics.secondMoment(), 6);
        EXPECT_LE(((path.product() - expected).norm() / expected.norm()).item<double>(), 1e-4);
    }
}

TEST(LowRank, EoraIsBestForTheOutputAndSvdForTheWeights) {
    at::manual_seed(3);
    const auto x = unevenInputs(800, 64);
    const auto statistics = statisticsOf(x);
    const auto difference = differenceOf(48, 64);
    for (const int64_t rank : {4, 8, 16}) {
        const auto left = [&](LowRankMethod method) {
            return difference - compensate(difference, statistics, method, rank)->product();
        };
        const auto eora = left(LowRankMethod::Eora), svd = left(LowRankMethod::PlainSvd),
                   scaled = left(LowRankMethod::ActivationScaled);
        EXPECT_LT(measuredError(x, eora), 0.95 * measuredError(x, svd));
        EXPECT_LT(measuredError(x, eora), measuredError(x, scaled));
        EXPECT_LT(measuredError(x, svd), measuredError(x, difference));
        EXPECT_LT(svd.norm().item<double>(), eora.norm().item<double>());
        const auto plain = std::get<1>(at::linalg_svd(difference, false));
        EXPECT_NEAR(svd.square().sum().item<double>(), plain.slice(0, rank).square().sum().item<double>(),
                    1e-4);
    }
}

TEST(LowRank, TheFullRankRepairsEverythingAndFolds) {
    at::manual_seed(4);
    const auto statistics = statisticsOf(unevenInputs(200, 16));
    const auto weight = at::randn({8, 16}), difference = at::randn({8, 16});
    const auto path = *compensate(difference, statistics, LowRankMethod::Eora, 8);
    EXPECT_LE((foldedWeight(weight, path) - weight - difference).abs().max().item<double>(), 1e-4);
    EXPECT_LE(path.predictedError, 1e-8);
}

TEST(LowRank, SingularMomentsAreNoTrouble) {
    at::manual_seed(5);
    auto x = at::randn({5, 32});  // fewer tokens than inputs
    x.select(1, 7).zero_();
    const auto difference = differenceOf(16, 32);
    const auto path = compensate(difference, statisticsOf(x), LowRankMethod::Eora, 5);
    ASSERT_TRUE(path) << messageOf(path);
    EXPECT_TRUE(path->product().isfinite().all().item<bool>());
    EXPECT_LE(measuredError(x, difference - path->product()), 1e-6 * measuredError(x, difference));
    const auto nothing = compensate(at::zeros({16, 32}), statisticsOf(x), LowRankMethod::Eora, 3);
    ASSERT_TRUE(nothing) << messageOf(nothing);
    EXPECT_EQ(nothing->product().abs().max().item<double>(), 0);
}

TEST(LowRank, ASpectrumHoldsTheWholeError) {
    at::manual_seed(6);
    const auto statistics = statisticsOf(unevenInputs(300, 24));
    const auto difference = differenceOf(12, 24);
    const auto spectrum = *errorSpectrum(difference, statistics);
    EXPECT_NEAR(spectrum.energy.sum().item<double>(), difference.square().sum().item<double>(), 1e-4);
    EXPECT_NEAR((spectrum.energy * spectrum.eigenvalues).sum().item<double>(),
                outputError(difference, statistics.secondMoment()), 1e-6);
    EXPECT_TRUE((spectrum.eigenvalues.diff() <= 0).all().item<bool>());
}

TEST(LowRank, RanksThatDoNotFitAreRefused) {
    const auto statistics = statisticsOf(at::randn({20, 8}));
    EXPECT_THAT(messageOf(compensate(at::zeros({4, 8}), statistics, LowRankMethod::Eora, 5)),
                HasSubstr("rank 5 is larger than the matrix of 4 x 8 allows (4)"));
    EXPECT_THAT(messageOf(compensate(at::zeros({4, 8}), statistics, LowRankMethod::PlainSvd, 0)),
                HasSubstr("rank of 1 or more"));
    EXPECT_THAT(messageOf(compensate(at::zeros({4, 9}), statistics, LowRankMethod::Eora, 2)),
                HasSubstr("the statistics are of 8 inputs, the weights of 9"));
    EXPECT_THAT(messageOf(compensate(at::zeros({4, 8}), LinearStatistics(8, MomentExtent::Diagonal),
                                     LowRankMethod::Eora, 2)),
                HasSubstr("full second moments"));
}

}  // namespace
}  // namespace vitrine
