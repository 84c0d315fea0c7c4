#include "widgets/compress/plan_results.h"

#include "widgets/compress/tensor_names.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::ElementsAre;

PlanResult resultOf(const char* plan, double bits, double nats, const char* run = "a",
                    const char* key = "k") {
    PlanResult result;
    result.runId = result.run = QString::fromLatin1(run);
    result.plan = result.method = QString::fromLatin1(plan);
    result.key = QString::fromLatin1(key);
    result.bitsPerWeight = bits;
    result.bytes = bits * 1000;
    result.natsPerToken = nats;
    result.dense = result.plan == "dense";
    result.control = result.plan.startsWith("random control");
    return result;
}

PlanResults someResults() {
    return {resultOf("dense", 32, 1.2),
            resultOf("wanda 2:4", 17, 4.0),
            resultOf("sparsegpt 2:4", 17, 3.4),
            resultOf("int4 (gptq)", 4.6, 1.3),
            resultOf("wanda 4:8", 32, 2.5),
            resultOf("random control 2:4", 17, 9.0),
            resultOf("random control 4:8", 32, 8.0),
            resultOf("dense", 32, 1.0, "b", "another text"),
            resultOf("wanda 2:4", 17, 1.1, "b", "another text")};
}

TEST(PlanResults, DifferencesPairWithinARunAndAKey) {
    PlanResults results = someResults();
    pairDifferences(results);
    EXPECT_TRUE(std::isnan(results[0].toDense));
    EXPECT_NEAR(results[1].toDense, 2.8, 1e-12);
    EXPECT_NEAR(results[1].toRandom, -5.0, 1e-12);
    // The control of its own pattern.
    EXPECT_NEAR(results[4].toRandom, -5.5, 1e-12);
    // Nothing was pruned: no mask could be random.
    EXPECT_TRUE(std::isnan(results[3].toRandom));
    EXPECT_NEAR(results[8].toDense, 0.1, 1e-12);
    EXPECT_TRUE(std::isnan(results[8].toRandom));
}

TEST(PlanResults, FrontHoldsWhatNothingBeatsInBoth) {
    const PlanResults results = someResults();
    EXPECT_THAT(paretoFront(results, "k", CostAxis::BitsPerWeight), ElementsAre(3, 0));
    EXPECT_THAT(paretoFront(results, "another text", CostAxis::BitsPerWeight), ElementsAre(8, 7));
}

TEST(PlanResults, OnlyEqualKeysStandTogether) {
    const PlanResults results = someResults();
    EXPECT_EQ(metricKeys(results), (QStringList{"k", "another text"}));
    EXPECT_EQ(resultsTable(results, "another text").rows.size(), 2u);
    const ParetoPlot plot = paretoPlot(results, "k", CostAxis::Bytes, 2);
    QStringList names;
    size_t points = 0;
    for (size_t series = 0; series < plot.series.size(); ++series) {
        names.append(plot.series[series].name);
        ASSERT_EQ(plot.points[series].size(), size_t(plot.series[series].x.size()));
        for (const size_t index : plot.points[series])
            EXPECT_EQ(results[index].key, "k");
        points += plot.points[series].size();
    }
    EXPECT_EQ(names, (QStringList{"front", "plans", "dense", "random control", "chosen"}));
    EXPECT_EQ(points, 2u + 4 + 1 + 2 + 1);
}

TEST(PlanResults, WithoutNumbersNothingIsPlotted) {
    PlanResults results{resultOf("wanda 2:4", PlanResult::kUnknown, 2)};
    EXPECT_TRUE(paretoPlot(results, "k", CostAxis::BitsPerWeight, -1).series.empty());
    EXPECT_TRUE(paretoPlot({}, "k", CostAxis::BitsPerWeight, -1).series.empty());
}

PlanResult encoderResult(const char* plan, double error, double operations, const char* control = "") {
    PlanResult result = resultOf(plan, 32, PlanResult::kUnknown, "e", "features of 16 pictures");
    result.encoder = true;
    result.featureError = error;
    result.operations = operations;
    result.accuracy = 0.5;
    result.controlPlan = QString::fromLatin1(control);
    return result;
}

TEST(PlanResults, EncodersAreComparedByTheirFeatures) {
    PlanResults results{encoderResult("dense", 0, 1),
                        encoderResult("neurons 50 %", 0.4, 0.7, "random control neurons 50 %"),
                        encoderResult("random control neurons 50 %", 0.6, 0.7),
                        encoderResult("tokens 50 % (merge)", 0.1, 0.6, "random control tokens 50 % (random)"),
                        encoderResult("random control tokens 50 % (random)", 0.9, 0.6),
                        encoderResult("heads 50 %", 0.5, 0.8, "random control heads 50 %")};
    pairDifferences(results);
    EXPECT_NEAR(results[1].toDense, 0.4, 1e-12);
    EXPECT_NEAR(results[1].toRandom, -0.2, 1e-12);
    EXPECT_NEAR(results[3].toRandom, -0.8, 1e-12);
    EXPECT_TRUE(std::isnan(results[5].toRandom));  // its control did not run
    const QString key = results[0].key;
    EXPECT_TRUE(isOfEncoders(results, key));
    EXPECT_FALSE(isOfEncoders(results, "k"));
    EXPECT_EQ(lossTitle(results, key), "feature error");
    EXPECT_EQ(lossTitle(results, "k"), "nats per token");
    EXPECT_THAT(paretoFront(results, key, CostAxis::Operations), ElementsAre(3, 0));
    const TableContent table = resultsTable(results, key);
    EXPECT_EQ(table.header[1], "feature error");
    EXPECT_EQ(table.header.size(), table.headerTips.size());
    for (const auto& row : table.rows)
        EXPECT_EQ(size_t(row.size()), size_t(table.header.size()));
    EXPECT_EQ(table.rows[3][size_t(table.header.indexOf("operations %"))].toDouble(), 60);
    const ParetoPlot plot = paretoPlot(results, key, CostAxis::Operations, 3);
    ASSERT_FALSE(plot.series.empty());
    EXPECT_EQ(plot.series.front().x.front(), 60);  // percent
}

TEST(TensorNames, TheFirstPrunableIsAMatrixOfABlock) {
    EXPECT_EQ(firstPrunable({"model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight"}), 1);
    EXPECT_EQ(firstPrunable({"mlp_head.1.weight", "transformer.layers.0.linear1.weight"}), 1);
    EXPECT_EQ(firstPrunable({"radio_model.adaptors.clip.feat_mlp.blocks.0.2.weight",
                             "radio_model.model.blocks.0.attn.proj.weight"}),
              1);
    EXPECT_EQ(firstPrunable({"wte.weight", "head.weight"}), 1);
    EXPECT_EQ(firstPrunable({"tok_embeddings.weight"}), 0);
    EXPECT_EQ(firstPrunable({}), 0);
    EXPECT_TRUE(isLookedUp("radio_model.model.patch_generator.pos_embed"));
    EXPECT_FALSE(isLookedUp("model.layers.0.mlp.down_proj.weight"));
}

}  // namespace
}  // namespace vitrine
