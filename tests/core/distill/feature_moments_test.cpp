#include "core/distill/feature_moments.h"

#include "core/distill/channel_sums.h"
#include "core/distill/teacher_moments.h"
#include "core/features/rank.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

namespace vitrine {
namespace {

// Correlated channels of very different size, with an offset that a sum of squares would drown in.
at::Tensor features(int64_t count, int64_t channels, double offset = 5) {
    at::manual_seed(count + channels);
    const auto mixing = at::randn({channels, channels}, at::kDouble) *
                        at::logspace(-2, 1, channels, 10, at::kDouble).unsqueeze(1);
    const auto x = at::randn({count, channels}, at::kDouble).matmul(mixing) / std::sqrt(double(channels));
    return (x + offset * at::linspace(-1, 1, channels, at::kDouble)).to(at::kFloat);
}

at::Tensor covarianceByHand(const at::Tensor& x) {
    const auto exact = x.to(at::kDouble);
    const auto centred = exact - exact.mean(0);
    return centred.t().matmul(centred) / double(x.size(0) - 1);
}

// Largest error of an entry, in units of the two channels' deviations.
double relativeError(const at::Tensor& found, const at::Tensor& expected) {
    const auto deviation = expected.diagonal().sqrt();
    return ((found - expected).abs() / at::outer(deviation, deviation)).max().item<double>();
}

MomentStatistics collect(const at::Tensor& x, MomentOptions options, int64_t batch) {
    FeatureMoments moments(options);
    for (int64_t start = 0; start < x.size(0); start += batch)
        EXPECT_TRUE(moments.add(x.slice(0, start, std::min(x.size(0), start + batch))));
    auto statistics = moments.statistics();
    EXPECT_TRUE(statistics);
    return std::move(*statistics);
}

TEST(FeatureMoments, AgreeWithTwoPassesInBothPrecisions) {
    for (const auto& [count, channels] :
         std::vector<std::pair<int64_t, int64_t>>{{1, 3}, {2, 1}, {700, 5}, {1100, 64}, {2500, 300}}) {
        const auto x = features(count, channels);
        const auto expected = count > 1 ? covarianceByHand(x) : at::zeros({channels, channels}, at::kDouble);
        for (const auto precision : {MomentPrecision::Float32, MomentPrecision::Float64}) {
            const auto found = collect(x, {.chunkRows = 256, .precision = precision}, 97);
            EXPECT_EQ(found.count, count);
            EXPECT_TRUE(at::allclose(found.mean, x.to(at::kDouble).mean(0), 1e-9, 1e-7));
            if (count == 1) {
                EXPECT_EQ(found.covariance.abs().max().item<double>(), 0);
                continue;
            }
            const double error = relativeError(found.covariance, expected);
            EXPECT_LE(error, precision == MomentPrecision::Float64 ? 1e-12 : 5e-7)
                << count << " x " << channels;
            EXPECT_NEAR(found.phi() / std::sqrt(expected.diagonal().mean().item<double>()), 1, 1e-7);
        }
    }
}

TEST(FeatureMoments, LargeMeansCostNoDigits) {
    const auto x = features(3000, 16, 2000);  // up to 2e5 deviations away from 0
    EXPECT_LE(relativeError(collect(x, {}, 500).covariance, covarianceByHand(x)), 5e-7);
    EXPECT_LE(relativeError(collect(x, {.precision = MomentPrecision::Float64}, 500).covariance,
                            covarianceByHand(x)),
              1e-9);
}

TEST(FeatureMoments, HigherMomentsExtremesAndGlobalNumbers) {
    auto x = features(2000, 7).to(at::kDouble);
    x = x.sign() * x.abs().pow(1.5);  // heavy tails
    x.select(1, 3).fill_(2.5);        // a constant channel
    const auto found = collect(x.to(at::kFloat), {.chunkRows = 300}, 2000);
    x = x.to(at::kFloat).to(at::kDouble);
    const auto d = x - x.mean(0);
    const auto variance = d.square().mean(0);
    auto kurtosis = d.pow(4).mean(0) / variance.square(), skewness = d.pow(3).mean(0) / variance.pow(1.5);
    kurtosis[3] = skewness[3] = 0;
    EXPECT_TRUE(at::allclose(found.kurtosis, kurtosis, 1e-5)) << found.kurtosis << kurtosis;
    EXPECT_TRUE(at::allclose(found.skewness, skewness, 1e-4, 1e-5));
    EXPECT_TRUE(found.low.equal(x.amin(0)) && found.high.equal(x.amax(0)));
    EXPECT_NEAR(found.globalMean, x.mean().item<double>(), 1e-7);
    EXPECT_NEAR(found.globalStd, x.flatten().std().item<double>(), 1e-6);
    const auto norms = x.norm(2, {1});
    EXPECT_NEAR(found.meanNorm, norms.mean().item<double>(), 1e-5);
    EXPECT_NEAR(found.stdNorm, norms.std().item<double>(), 1e-5);
    EXPECT_NEAR(found.highNorm, norms.max().item<double>(), 1e-4);
    EXPECT_EQ(std::accumulate(found.norms.counts.begin(), found.norms.counts.end(), int64_t(0)), 2000);
    EXPECT_EQ(found.channels.size(), 7u);
    const double width = (found.norms.high - found.norms.low) / double(found.norms.counts.size());
    EXPECT_NEAR(histogramPercentile(found.norms, 50), norms.median().item<double>(), width);
}

TEST(FeatureMoments, DoNotDependOnHowTheStreamIsCut) {
    const auto x = features(1500, 40);
    const auto one = collect(x, {.chunkRows = 128}, 1500), other = collect(x, {.chunkRows = 128}, 11);
    EXPECT_TRUE(one.covariance.equal(other.covariance));
    EXPECT_TRUE(one.mean.equal(other.mean));
    EXPECT_TRUE(one.kurtosis.equal(other.kurtosis));
    EXPECT_EQ(one.values.counts, other.values.counts);
    // As maps, positions in row-major order.
    FeatureMoments maps({.chunkRows = 128});
    ASSERT_TRUE(maps.addMaps(x.reshape({15, 10, 10, 40}).permute({0, 3, 1, 2}).contiguous()));
    EXPECT_TRUE(maps.statistics()->covariance.equal(one.covariance));
}

TEST(FeatureMoments, PartsJoinToTheWhole) {
    const auto x = features(3000, 33);
    const auto expected = collect(x, {.chunkRows = 100, .precision = MomentPrecision::Float64}, 3000);
    FeatureMoments left({.chunkRows = 100, .precision = MomentPrecision::Float64}),
        right({.chunkRows = 64, .precision = MomentPrecision::Float64}), empty = left;
    ASSERT_TRUE(left.add(x.slice(0, 0, 1234)));
    ASSERT_TRUE(right.add(x.slice(0, 1234)));
    const auto before = right.statistics()->covariance.clone();
    ASSERT_TRUE(left.merge(right));
    const auto found = left.statistics();
    EXPECT_EQ(found->count, 3000);
    EXPECT_LE(relativeError(found->covariance, expected.covariance), 1e-12);
    EXPECT_TRUE(at::allclose(found->kurtosis, expected.kurtosis, 1e-10));
    EXPECT_TRUE(at::allclose(found->skewness, expected.skewness, 1e-8, 1e-8));
    EXPECT_NEAR(found->stdNorm, expected.stdNorm, 1e-9);
    EXPECT_EQ(found->values.counts, expected.values.counts);
    EXPECT_TRUE(right.statistics()->covariance.equal(before));  // the other one is untouched
    ASSERT_TRUE(empty.merge(right));
    EXPECT_EQ(empty.count(), 3000 - 1234);
    ASSERT_TRUE(empty.add(x.slice(0, 0, 1234)));
    EXPECT_LE(relativeError(empty.statistics()->covariance, expected.covariance), 1e-12);
    EXPECT_FALSE(left.merge(FeatureMoments(MomentOptions{.histogramBins = 8})));
}

TEST(FeatureMoments, MaskedPositionsDoNotCount) {
    auto maps = features(2 * 5 * 6, 8).reshape({2, 5, 6, 8}).permute({0, 3, 1, 2}).contiguous();
    const auto mask = at::rand({2, 5, 6}) > 0.4;
    const auto kept = maps.permute({0, 2, 3, 1}).flatten(0, 2).index({mask.flatten()}).clone();
    // Padding may hold anything, as far as it is masked.
    maps.permute({0, 2, 3, 1}).masked_fill_(mask.logical_not().unsqueeze(3), std::nan(""));
    FeatureMoments moments;
    ASSERT_TRUE(moments.addMaps(maps, mask));
    EXPECT_EQ(moments.count(), kept.size(0));
    EXPECT_LE(relativeError(moments.statistics()->covariance, covarianceByHand(kept)), 1e-6);
    ASSERT_TRUE(moments.addMaps(maps, at::zeros_like(mask)));
    EXPECT_EQ(moments.count(), kept.size(0));
    EXPECT_FALSE(moments.addMaps(maps, mask.slice(1, 1)));
    EXPECT_FALSE(moments.addMaps(maps, mask.to(at::kFloat)));
}

TEST(FeatureMoments, BadValuesAreRefusedWithTheirChannel) {
    FeatureMoments moments;
    const auto good = features(50, 6);
    ASSERT_TRUE(moments.add(good));
    auto bad = good.clone();
    bad[3][4] = std::nan("");
    bad[7][4] = std::numeric_limits<float>::infinity();
    bad[7][1] = -std::numeric_limits<float>::infinity();
    const auto refused = moments.add(bad);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(),
                ::testing::HasSubstr("3 of 300 values are NaN or infinite, 2 of them in channel 4"));
    EXPECT_THAT(moments.addMaps(bad.t().reshape({1, 6, 5, 10})).error().text(),
                ::testing::HasSubstr("channel 4"));
    EXPECT_EQ(moments.add(good.slice(1, 1)).error().code, ErrorCode::ShapeMismatch);
    EXPECT_THAT(moments.add(good * 1e12).error().text(), ::testing::HasSubstr("fourth powers"));
    EXPECT_FALSE(moments.add(good.to(at::kInt)));
    EXPECT_FALSE(moments.add(good[0]));
    // Nothing of it was taken.
    EXPECT_EQ(moments.count(), 50);
    EXPECT_LE(relativeError(moments.statistics()->covariance, covarianceByHand(good)), 1e-6);
    EXPECT_FALSE(FeatureMoments().statistics());
    EXPECT_FALSE(FeatureMoments(MomentOptions{.chunkRows = 0}).add(good));
    EXPECT_FALSE(FeatureMoments(MomentOptions{.histogramBins = 7}).add(good));
    EXPECT_FALSE(FeatureMoments(MomentOptions{.histogramRange = std::pair(1., 1.)}).add(good));
}

TEST(FeatureMoments, SavedOnesGoOnToTheSameBits) {
    const testing::TemporaryFolder folder;
    const auto x = features(1000, 20);
    for (const int64_t cut : {0, 30, 128, 500}) {
        FeatureMoments whole({.chunkRows = 128}), part = whole;
        ASSERT_TRUE(whole.add(x));
        if (cut > 0)
            ASSERT_TRUE(part.add(x.slice(0, 0, cut)));
        ASSERT_TRUE(part.save(folder / "moments.safetensors"));
        auto resumed = FeatureMoments::load(folder / "moments.safetensors");
        ASSERT_TRUE(resumed) << resumed.error().text();
        EXPECT_EQ(resumed->count(), cut);
        ASSERT_TRUE(resumed->add(x.slice(0, cut)));
        const auto a = whole.statistics(), b = resumed->statistics();
        EXPECT_TRUE(a->covariance.equal(b->covariance)) << cut;
        EXPECT_TRUE(a->kurtosis.equal(b->kurtosis));
        EXPECT_EQ(a->values.counts, b->values.counts);
        EXPECT_EQ(a->norms.counts, b->norms.counts);
    }
}

TEST(FeatureMoments, DamagedFilesAreNamed) {
    FeatureMoments moments({.chunkRows = 16});
    ASSERT_TRUE(moments.add(features(50, 4)));
    const auto state = moments.state();
    for (const auto& [name, tensor] : state) {
        auto damaged = state;
        damaged[name] = at::zeros({3, 3, 3});
        EXPECT_FALSE(FeatureMoments::fromState(damaged)) << name;
        damaged.erase(name);
        EXPECT_FALSE(FeatureMoments::fromState(damaged)) << name;
    }
    auto damaged = state;
    damaged["setup"] = damaged["setup"].clone();
    damaged["setup"][2] = 1e9;
    EXPECT_FALSE(FeatureMoments::fromState(damaged));
    EXPECT_FALSE(FeatureMoments::load("/nonexistent/moments.safetensors"));
}

TEST(FeatureMoments, OtherDevicesPathAgreesWithTheCpuPath) {
    const auto x = features(700, 70);
    const auto fast = centreChunk(x), plain = centreChunkWithOperators(x);
    for (const auto& [a, b] :
         {std::pair(fast.sums.mean, plain.sums.mean), std::pair(fast.sums.second, plain.sums.second),
          std::pair(fast.sums.fourth, plain.sums.fourth)})
        EXPECT_TRUE(at::allclose(a, b, 1e-5)) << a << b;
    EXPECT_TRUE(at::allclose(fast.sums.third, plain.sums.third, 1e-4, 1e-4));
    EXPECT_TRUE(fast.sums.low.equal(plain.sums.low) && fast.sums.high.equal(plain.sums.high));
    EXPECT_TRUE(fast.centred.equal(x - fast.centre));
}

TEST(MomentStatistics, SpectrumAndRanksAreThoseOfTheTokens) {
    auto x = features(400, 24);
    x.select(1, 5).copy_(x.select(1, 6) * 2);  // one direction less
    const auto statistics = collect(x, {.precision = MomentPrecision::Float64}, 400);
    const auto spectrum = spectrumOf(statistics);
    ASSERT_TRUE(spectrum);
    EXPECT_EQ(spectrum->numericalRank, 23);
    EXPECT_NEAR(spectrum->rankMe, *rankMe(x), 1e-4);
    EXPECT_NEAR(spectrum->effectiveRank, *effectiveRank(x), 1e-6);
    EXPECT_NEAR(spectrum->eigenvalues.sum().item<double>(), statistics.variance().sum().item<double>(), 1e-9);
    EXPECT_FALSE(spectrumOf(collect(at::ones({10, 3}), {}, 10)));
    // Fewer vectors than channels: no more ranks than vectors.
    const auto few = features(7, 24);
    EXPECT_NEAR(spectrumOf(collect(few, {.precision = MomentPrecision::Float64}, 7))->rankMe, *rankMe(few),
                1e-4);
}

TEST(TeacherMoments, KeepSpatialFeaturesAndSummariesApart) {
    const testing::TemporaryFolder folder;
    at::manual_seed(4);
    TeacherMoments moments, rest(MomentOptions{});
    rest.cone = SummaryConeEstimator(16384, 1);
    const auto maps = at::randn({6, 5, 4, 4}), summaries = at::randn({6, 9}) + 1;
    ASSERT_TRUE(moments.add(maps.slice(0, 0, 3), summaries.slice(0, 0, 3)));
    ASSERT_TRUE(rest.add(maps.slice(0, 3), summaries.slice(0, 3)));
    ASSERT_TRUE(moments.merge(rest));
    ASSERT_TRUE(moments.save(folder / "teacher.safetensors", {{"data", "abc"}}));
    const auto loaded = TeacherMoments::load(folder / "teacher.safetensors");
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ(loaded->spatial.count(), 96);
    EXPECT_EQ(loaded->summary.count(), 6);
    EXPECT_EQ(loaded->cone.count(), 6);
    EXPECT_TRUE(loaded->spatial.statistics()->covariance.equal(moments.spatial.statistics()->covariance));
    EXPECT_NEAR(loaded->cone.cone()->dispersion, fitSummaryCone(summaries)->dispersion, 1e-9);
    // Bad summaries leave all as it was but name the part.
    const auto refused = moments.add({}, at::zeros({1, 9}));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), ::testing::HasSubstr("summaries"));
    EXPECT_EQ(moments.summary.count(), 6);
    std::ofstream(folder / "broken.safetensors") << "no tensors";
    EXPECT_FALSE(TeacherMoments::load(folder / "broken.safetensors"));
}

}  // namespace
}  // namespace vitrine
