#include "core/compress/column_sweep.h"

#include "tests/core/compress/compress_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// The published loop (SparseGPT, N:M), column after column, in float64.
at::Tensor plainSparseGpt(const at::Tensor& weight, const at::Tensor& moment, double damping, int64_t n,
                          int64_t m) {
    auto w = weight.to(at::kDouble).clone(), h = moment.to(at::kDouble).clone();
    h.diagonal().add_(damping * h.diagonal().mean().item<double>());
    const auto r = at::linalg_cholesky(at::cholesky_inverse(at::linalg_cholesky(h)), true);
    auto mask = at::ones_like(w);
    for (int64_t j = 0; j < w.size(1); ++j) {
        if (j % m == 0) {
            const auto scores = (w.slice(1, j, j + m) / r.diagonal().slice(0, j, j + m)).square();
            const auto order = std::get<1>(scores.topk(n, 1));
            mask.slice(1, j, j + m).copy_(at::zeros_like(scores).scatter(1, order, 1));
        }
        const auto q = w.select(1, j) * mask.select(1, j);
        const auto e = (w.select(1, j) - q) / r[j][j];
        w.slice(1, j).sub_(e.unsqueeze(1) * r[j].slice(0, j).unsqueeze(0));
        w.select(1, j).copy_(q);
    }
    return w;
}

struct Layer {
    at::Tensor x, weight;
    LinearStatistics statistics;
};
Layer makeLayer(int64_t outputs, int64_t inputs, int64_t tokens = 600) {
    const auto x = unevenInputs(tokens, inputs);
    return {x, at::randn({outputs, inputs}) / std::sqrt(double(inputs)), statisticsOf(x)};
}

TEST(InverseFactor, IsTheUpperFactorOfTheInverse) {
    at::manual_seed(1);
    for (const int64_t k : {1, 7, 300, 700}) {
        const auto statistics = statisticsOf(at::randn({2 * k + 5, k}));
        const auto factor = inverseFactor(statistics, {0.05, false});
        ASSERT_TRUE(factor) << messageOf(factor);
        const auto r = factor->upper.to(at::kDouble);
        auto h = statistics.secondMoment();
        h.diagonal().add_(0.05 * h.diagonal().mean().item<double>());
        EXPECT_LE((r.t().matmul(r).matmul(h) - at::eye(k, at::kDouble)).abs().max().item<double>(), 2e-4)
            << k;
        EXPECT_EQ(r.tril(-1).abs().max().item<double>(), 0);
    }
}

TEST(InverseFactor, ToleratesDeadInputsAndTooFewTokens) {
    at::manual_seed(2);
    auto x = at::randn({50, 16});
    x.select(1, 5).zero_();
    const auto factor = inverseFactor(statisticsOf(x));
    ASSERT_TRUE(factor) << messageOf(factor);
    EXPECT_EQ(factor->dead.sum().item<int64_t>(), 1);
    EXPECT_TRUE(factor->upper.isfinite().all().item<bool>());
    // Three tokens for 64 inputs, and no damping wanted: the least that helps is taken, and told.
    const auto poor = inverseFactor(statisticsOf(at::randn({3, 64})), {0, false});
    ASSERT_TRUE(poor) << messageOf(poor);
    EXPECT_GT(poor->damping, 0);
    EXPECT_LE(poor->damping, 0.1);
    EXPECT_THAT(messageOf(inverseFactor(statisticsOf(at::zeros({3, 8})))), HasSubstr("all inputs were 0"));
    EXPECT_THAT(messageOf(inverseFactor(LinearStatistics(8))), HasSubstr("needs the full second moments"));
    EXPECT_THAT(messageOf(inverseFactor(statisticsOf(x), {-1, false})), HasSubstr("damping of 0 to 1"));
}

TEST(SparseGpt, IsThePublishedLoop) {
    at::manual_seed(3);
    // More columns than a block has, rows that fill no strip of four.
    for (const auto& [n, m] : std::vector<std::pair<int64_t, int64_t>>{{2, 4}, {4, 8}, {1, 4}}) {
        const auto layer = makeLayer(13, 296);
        const auto factor = *inverseFactor(layer.statistics);
        const auto found = sweepColumns(layer.weight, factor, {SparsityPattern::nOfM(n, m), {}, {}});
        ASSERT_TRUE(found) << messageOf(found);
        const auto expected = plainSparseGpt(layer.weight, layer.statistics.secondMoment(), 0.01, n, m);
        EXPECT_TRUE(((found->weight != 0).reshape({-1, m}).sum(1) <= n).all().item<bool>());
        EXPECT_TRUE(((found->mask != 0) == (found->weight != 0)).all().item<bool>());
        // Scores that are nearly equal may fall either way in float32; whole columns then differ in a row or
        // two.
        const auto wrongRows = ((found->weight - expected).abs() > 1e-3 * expected.abs().max()).any(1);
        EXPECT_LE(wrongRows.sum().item<int64_t>(), 2) << n << ":" << m;
        EXPECT_NEAR(measuredError(layer.x, layer.weight - found->weight) /
                        measuredError(layer.x, layer.weight - expected),
                    1, 1e-2);
    }
}

TEST(SparseGpt, WithoutCorrelationsItIsMagnitudePruning) {
    at::manual_seed(4);
    LinearStatistics statistics(32);
    ASSERT_TRUE(statistics.add(at::eye(32).repeat({4, 1})));
    const auto weight = at::randn({9, 32});
    const auto factor = *inverseFactor(statistics);
    const auto mask = *magnitudeMask(weight, SparsityPattern::nOfM(2, 4));
    const auto swept = *sweepColumns(weight, factor, {SparsityPattern::nOfM(2, 4), {}, {}});
    EXPECT_TRUE(swept.mask.equal(mask));
    EXPECT_TRUE(swept.weight.allclose(weight * mask, 1e-5, 1e-6));
    EXPECT_TRUE(sparseGptMask(weight, factor, SparsityPattern::nOfM(2, 4))->equal(mask));
}

TEST(SparseGpt, ErrorsAreOrderedAsTheMethodsPromise) {
    at::manual_seed(5);
    const auto layer = makeLayer(64, 128);
    const auto factor = *inverseFactor(layer.statistics);
    for (const auto& pattern : {SparsityPattern::nOfM(2, 4), SparsityPattern::unstructured(0.5)}) {
        const auto error = [&](const at::Tensor& weight) {
            return measuredError(layer.x, layer.weight - weight);
        };
        const double updated = error(sweepColumns(layer.weight, factor, {pattern, {}, {}})->weight);
        const double maskOnly = error(layer.weight * *sparseGptMask(layer.weight, factor, pattern));
        const double wanda =
            error(layer.weight * *wandaMask(layer.weight, layer.statistics.inputNorm(), pattern));
        const double random = error(layer.weight * *randomMask(layer.weight.sizes(), pattern, 3));
        EXPECT_LT(updated, 0.7 * wanda) << pattern.text();
        EXPECT_LT(updated, 0.7 * maskOnly) << pattern.text();
        EXPECT_LT(wanda, 0.8 * random) << pattern.text();
    }
}

TEST(SparseGpt, AGivenMaskIsKeptAndMadeUpFor) {
    at::manual_seed(6);
    const auto layer = makeLayer(24, 64);
    const auto factor = *inverseFactor(layer.statistics);
    const auto mask = *magnitudeMask(layer.weight, SparsityPattern::nOfM(2, 4));
    SweepOptions options;
    options.fixedMask = mask;
    const auto swept = *sweepColumns(layer.weight, factor, options);
    EXPECT_EQ((swept.weight * (1 - mask)).abs().max().item<double>(), 0);
    EXPECT_LT(measuredError(layer.x, layer.weight - swept.weight),
              0.8 * measuredError(layer.x, layer.weight - layer.weight * mask));
}

TEST(SparseGpt, DeadInputsAndZeroRowsStayZero) {
    at::manual_seed(7);
    auto layer = makeLayer(10, 32);
    layer.x.select(1, 3).zero_();
    layer.weight[4].zero_();
    const auto swept = *sweepColumns(layer.weight, *inverseFactor(statisticsOf(layer.x)),
                                     {SparsityPattern::nOfM(2, 4), {}, {}});
    EXPECT_TRUE(swept.weight.isfinite().all().item<bool>());
    EXPECT_EQ(swept.weight.select(1, 3).abs().max().item<double>(), 0);
    EXPECT_EQ(swept.weight[4].abs().max().item<double>(), 0);
}

TEST(Gptq, BeatsRoundingToNearestForEveryFormat) {
    at::manual_seed(8);
    const auto layer = makeLayer(48, 200);  // the last group is shorter
    for (const char* name : {"int2", "int3", "int4", "int4_symmetric", "nf4", "nvfp4", "fp8_e4m3"}) {
        auto spec = *LowBitFormatSpec::fromName(name);
        if (spec.hasZeros())
            spec.group = 64;
        const auto nearest = quantize(layer.weight, spec)->decode();
        for (const bool actOrder : {false, true}) {
            const auto factor = *inverseFactor(layer.statistics, {0.01, actOrder});
            const auto swept = sweepColumns(layer.weight, factor, {{}, spec, {}});
            ASSERT_TRUE(swept) << messageOf(swept);
            EXPECT_LT(measuredError(layer.x, layer.weight - swept->weight),
                      0.9 * measuredError(layer.x, layer.weight - nearest))
                << name << (actOrder ? " by activations" : "");
            EXPECT_TRUE(swept->quantized->decode().allclose(swept->weight, 1e-5, 1e-6)) << name;
        }
    }
}

TEST(Gptq, PrunesAndRoundsInOneSweep) {
    at::manual_seed(9);
    const auto layer = makeLayer(32, 256);
    const auto factor = *inverseFactor(layer.statistics);
    const auto spec = *LowBitFormatSpec::fromName("int4");
    const auto swept = *sweepColumns(layer.weight, factor, {SparsityPattern::nOfM(2, 4), spec, {}});
    EXPECT_TRUE(((swept.weight != 0).reshape({-1, 4}).sum(1) <= 2).all().item<bool>());
    EXPECT_TRUE(swept.quantized->decode().allclose(swept.weight, 1e-5, 1e-6));
    const auto apart =
        quantize(layer.weight * *magnitudeMask(layer.weight, SparsityPattern::nOfM(2, 4)), spec)->decode();
    EXPECT_LT(measuredError(layer.x, layer.weight - swept.weight),
              0.8 * measuredError(layer.x, layer.weight - apart));
}

TEST(ColumnSweep, PermutedOutputsGivePermutedResults) {
    at::manual_seed(10);
    const auto layer = makeLayer(21, 64);
    const auto factor = *inverseFactor(layer.statistics);
    const auto order = at::randperm(21);
    const auto plain = *sweepColumns(layer.weight, factor, {SparsityPattern::nOfM(2, 4), {}, {}});
    const auto moved =
        *sweepColumns(layer.weight.index_select(0, order), factor, {SparsityPattern::nOfM(2, 4), {}, {}});
    EXPECT_TRUE(moved.weight.equal(plain.weight.index_select(0, order)));
}

TEST(ColumnSweep, ReducedPrecisionComesBackInItsType) {
    at::manual_seed(11);
    const auto layer = makeLayer(8, 32);
    const auto swept = *sweepColumns(layer.weight.to(at::kBFloat16), *inverseFactor(layer.statistics),
                                     {SparsityPattern::nOfM(2, 4), {}, {}});
    EXPECT_EQ(swept.weight.scalar_type(), at::kBFloat16);
}

TEST(ColumnSweep, BadInputIsNamed) {
    at::manual_seed(12);
    const auto layer = makeLayer(8, 32);
    const auto factor = *inverseFactor(layer.statistics),
               ordered = *inverseFactor(layer.statistics, {0.01, true});
    EXPECT_THAT(messageOf(sweepColumns(layer.weight, ordered, {SparsityPattern::nOfM(2, 4), {}, {}})),
                HasSubstr("moves the columns of 2:4 groups apart"));
    EXPECT_THAT(messageOf(sweepColumns(at::randn({8, 16}), factor, {SparsityPattern::nOfM(2, 4), {}, {}})),
                HasSubstr("the statistics are of 32 inputs, the weights of 16"));
    EXPECT_THAT(messageOf(sweepColumns(at::full({8, 32}, std::nan("")), factor,
                                       {SparsityPattern::nOfM(2, 4), {}, {}})),
                HasSubstr("NaN or infinity"));
    EXPECT_THAT(messageOf(sweepColumns(layer.weight, factor, {})), HasSubstr("neither sparsity nor"));
    EXPECT_THAT(messageOf(sweepColumns(layer.weight, factor, {SparsityPattern::nOfM(2, 5), {}, {}})),
                HasSubstr("32 inputs are no whole groups of 5"));
}

}  // namespace
}  // namespace vitrine
