#include "widgets/compress/layer_results.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

LayerResults someLayers() {
    LayerResults results;
    results.rank = 1;
    LayerResult up, down;
    up.name = "model.layers.3.mlp.up_proj";
    up.rows = 30;
    up.columns = 10;
    up.withoutPath = 0.5;
    up.error = 0.1;
    down = up;
    down.name = "model.layers.3.mlp.down_proj";
    down.rows = down.columns = 10;
    down.error = 0.3;
    results.layers = {up, down};
    results.spectra = {{up.name.toStdString(), {3, 1}, {2, 1}, {1, 1}},
                       {down.name.toStdString(), {1, 1}, {}, {}}};
    return results;
}

TEST(LayerResults, RankLeavesTheSmallSquaresAndCostsItsFactors) {
    const LayerResults results = someLayers();
    EXPECT_DOUBLE_EQ(leftOf(results.spectra[0], 0), 1);
    EXPECT_DOUBLE_EQ(leftOf(results.spectra[0], 1), 0.1);
    EXPECT_DOUBLE_EQ(leftOf(results.spectra[0], 9), 0);
    const RankCost one = rankCost(results, results.layers[0].name, 1);
    EXPECT_DOUBLE_EQ(one.error, 0.05);
    EXPECT_DOUBLE_EQ(one.extraBits, 32.0 * 40 / 300);
    // Weighted by size: three quarters of the weights lie in the first layer.
    EXPECT_DOUBLE_EQ(rankCost(results, {}, 1).error, 0.75 * 0.05 + 0.25 * 0.25);
    EXPECT_TRUE(std::isnan(rankCost(results, "no such layer", 1).error));
}

TEST(LayerResults, TheWorstLayerComesFirst) {
    const TableContent table = layersTable(someLayers());
    ASSERT_EQ(table.rows.size(), 2u);
    EXPECT_EQ(table.rows[0][0].toString(), "model.layers.3.mlp.down_proj");
    EXPECT_NEAR(table.rows[1][6].toDouble(), 10, 1e-9);  // −10 log₁₀ 0.1
    EXPECT_FALSE(table.rows[0][3].isValid());            // nothing was predicted
}

TEST(LayerResults, NamesAreShortAndSpectraAreCut) {
    EXPECT_EQ(shortLayerName("model.layers.12.self_attn.q_proj"), "12.q");
    EXPECT_EQ(shortLayerName("lm_head"), "lm_head");
    const auto series = spectrumSeries(someLayers().spectra[0], 1);
    ASSERT_EQ(series.size(), 2u);
    EXPECT_EQ(series[0].x, QVector<double>{1});
    EXPECT_EQ(series[1].x, QVector<double>{2});
    EXPECT_DOUBLE_EQ(series[0].y[0], 0.9);
    EXPECT_EQ(energySeries(someLayers().spectra[1]).size(), 0u);
}

TEST(LayerResults, RangesSayWhereTheErrorLies) {
    LayerRanges ranges;
    EXPECT_TRUE(rangeText(ranges).isEmpty());
    EXPECT_TRUE(rangeSeries(ranges).empty());
    ranges.group = 64;
    ranges.widest = 3;
    ranges.medianGroup = 0.5;
    ranges.loudest = 7;
    ranges.groups = {1, 0, 0, 99};
    ranges.inputs = {1, 0, 3};
    EXPECT_EQ(
        rangeText(ranges),
        "groups of 64: the widest reaches 6 times as far as the median; 1 % of them beyond half of it, with "
        "0 % of the error · loudest input ∞ times the median");
    EXPECT_EQ(rangeSeries(ranges).size(), 2u);  // no error: nothing was rounded
    ranges.error = {0.25, 0, 0, 0.75};
    EXPECT_TRUE(rangeText(ranges).contains("with 25 % of the error"));
    const auto series = rangeSeries(ranges);
    ASSERT_EQ(series.size(), 3u);
    EXPECT_DOUBLE_EQ(series[0].y[3], 0.99);
    EXPECT_DOUBLE_EQ(series[1].y[0], 0.25);
    EXPECT_DOUBLE_EQ(series[2].x[2], std::exp2(-1.25));
}

}  // namespace
}  // namespace vitrine
