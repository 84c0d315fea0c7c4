// Views of runs that learn with a part of their weights, or lose blocks: what they make of the reports of
// those jobs.
#include "app/desktop/compress/structure_questions.h"
#include "app/desktop/compress/training_questions.h"
#include "tests/widgets/compress/shown.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/compress/depth_view.h"
#include "widgets/compress/flow_diagram.h"
#include "widgets/compress/flow_view.h"
#include "widgets/compress/mask_history_view.h"
#include "widgets/compress/removal_view.h"

#include <gmock/gmock.h>

#include <QSlider>
#include <QTest>

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Json sparseReport() {
    const auto exchange = [](int step, const char* layer, int entered) {
        return Json{{"step", step}, {"layer", layer}, {"active", 10}, {"entered", entered}};
    };
    return {{"method", "iee"},
            {"accuracy", 0.8},
            {"densities",
             {{{"layer", "conv1.weight"}, {"units", 10}, {"in_use", 10}, {"wanted", 1.0}, {"fixed", true}},
              {{"layer", "a.weight"}, {"units", 90}, {"in_use", 10}, {"wanted", 0.11}, {"fixed", false}}}},
            {"exchanges",
             {exchange(8, "conv1.weight", 0), exchange(8, "a.weight", 3), exchange(16, "conv1.weight", 0),
              exchange(16, "a.weight", 1)}},
            {"scores",
             {{{"step", 8},
               {"low", -6},
               {"high", 0},
               {"in_use", {0, 4}},
               {"before", {6, 0}},
               {"after", {3, 3}}}}},
            {"watched", {{{"layer", "a.weight"}, {"units", {4, 7, 9}}, {"in_use", {"010", "011", "001"}}}}}};
}

TEST(SparseView, UnitsLeaveAndEnter) {
    const auto results = sparseOf(sparseReport());
    ASSERT_TRUE(results) << results.error().text();
    const HeatMap map = unitRaster(results->units[0]);
    EXPECT_EQ(map.rowLabels, QStringList({"7", "9", "4"}));  // by their first time in use
    EXPECT_THAT(map.values, ElementsAre(2, 2, 1, 0, 3, 2, 0, 0, 0));
    EXPECT_EQ(map.describe(1, 1).toStdString(), "unit 9, exchange 1: has entered");
    EXPECT_THAT(results->steps, ElementsAre(8, 16));
    ASSERT_EQ(results->exchanged.size(), 1u);  // the layer that is all in use exchanges nothing
    EXPECT_THAT(results->exchanged[0], ElementsAre(0.3, 0.1));
    Json damaged = sparseReport();
    damaged["watched"][0]["in_use"][1] = "01";
    EXPECT_THAT(sparseOf(damaged).error().text(), HasSubstr("sparse_training.json"));
}

TEST(SparseView, ShowsScoresOfATrialAndNamesItsLayers) {
    testing::qtApplication();
    SparseView view;
    view.setResults({});
    EXPECT_THAT(textOfLabel(view, "sparseFacts"), HasSubstr("when the run has ended"));
    view.setResults(*sparseOf(sparseReport()));
    EXPECT_EQ(textOfLabel(view, "sparseFacts"),
              "iee: 20.00 % of the units in use, 2 exchanges, 80.00 % of the test pictures right");
    const auto& scores = seriesIn(view, "sparseScores");
    ASSERT_EQ(scores.size(), 3u);
    EXPECT_THAT(scores[1].y, ElementsAre(100, 0));
    EXPECT_THAT(scores[2].y, ElementsAre(50, 50));
    EXPECT_THAT(scores[2].x, ElementsAre(-4.5, -1.5));
    EXPECT_TRUE(view.chooseLayer("a.weight"));
    const auto unknown = view.chooseLayer("b.weight");
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().text(), HasSubstr("One of: a.weight"));
}

SparseResults movingUnits() {
    SparseResults results;
    results.run = "a";
    results.exchangedLayers = {"a.weight", "b.weight"};
    results.steps = {15, 30};
    // 10 units: 4 in use; two leave for two new ones; then one of those that left comes back for another.
    results.moves = {{{10, 4, 2, 2, 0}, {10, 4, 2, 2, 1}}, {{6, 3, 0, 0, 0}, {6, 3, 1, 1, 0}}};
    return results;
}

TEST(Flow, UnitsAreNeverLost) {
    const UnitFlows one = unitFlows(movingUnits(), "a.weight");
    ASSERT_EQ(one.flows.size(), 2u);
    EXPECT_EQ(one.places[0].never, 6);
    EXPECT_EQ(one.places[1].hasLeft, 2);
    EXPECT_EQ(one.flows[0].firstTime, 2);
    EXPECT_EQ(one.flows[1].comesBack, 1);
    EXPECT_EQ(one.flows[1].firstTime, 1);
    EXPECT_EQ(one.flows[1].staysOut, 1);
    EXPECT_EQ(one.places[2].hasLeft, 3);
    const UnitFlows all = unitFlows(movingUnits(), {});
    for (size_t exchange = 0; exchange < 2; ++exchange) {
        const UnitFlow& flow = all.flows[exchange];
        const UnitPlaces &before = all.places[exchange], &after = all.places[exchange + 1];
        EXPECT_EQ(before.total(), 16);
        EXPECT_EQ(flow.stays + flow.leaves, before.inUse);
        EXPECT_EQ(flow.comesBack + flow.staysOut, before.hasLeft);
        EXPECT_EQ(flow.firstTime + flow.staysNew, before.never);
        EXPECT_EQ(flow.stays + flow.comesBack + flow.firstTime, after.inUse);
        EXPECT_EQ(flow.leaves + flow.staysOut, after.hasLeft);
    }
    EXPECT_TRUE(unitFlows({}, {}).flows.empty());
}

TEST(Flow, IsReadOutExchangeByExchange) {
    testing::qtApplication();
    FlowView view;
    view.setResults({});
    EXPECT_THAT(textOfLabel(view, "flowFacts"), HasSubstr("No units were exchanged"));
    view.setResults(movingUnits());
    EXPECT_THAT(textOfLabel(view, "flowFacts"),
                HasSubstr("7 of 16 units in use; over 2 exchanges 5 entered"));
    ASSERT_TRUE(view.chooseLayer("a.weight"));
    auto* diagram = view.findChild<FlowDiagram*>("flowDiagram");
    ASSERT_TRUE(diagram);
    QTest::keyClick(diagram, Qt::Key_Left);
    EXPECT_EQ(
        diagram->readout(),
        "step 30: 2 stay, 2 leave, 1 come back, 1 for the first time, 1 stay out, 3 never in use so far");
    QTest::keyClick(diagram, Qt::Key_Left);
    QTest::keyClick(diagram, Qt::Key_Left);
    EXPECT_THAT(diagram->readout().toStdString(), HasSubstr("step 15: 2 stay"));
    const auto unknown = view.chooseLayer("c.weight");
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().text(), HasSubstr("One of: a.weight, b.weight"));
    view.resize(600, 400);
    QImage image(view.size(), QImage::Format_RGB32);
    view.render(&image);  // bands of units in use are drawn
    const QColor inUse = chartColor(2);
    int seen = 0;
    for (int x = 0; x < image.width(); ++x)
        for (int y = 0; y < image.height(); ++y)
            seen += image.pixelColor(x, y) == inUse;
    EXPECT_GT(seen, 300);
}

TEST(SparseView, TellsWhatACutNetworkTakes) {
    testing::qtApplication();
    SparseResults results = *sparseOf(sparseReport());
    for (SparseLayer& layer : results.layers)
        layer.wanted = std::numeric_limits<double>::quiet_NaN();
    results.latency = sparseLatencyOf({{"batch", 64},
                                       {"wanted_part", 0.5},
                                       {"predicted", {{"dense_ms", 8}, {"ms", 3.92}, {"part", 0.49}}},
                                       {"measured", {{"dense_ms", 8.25}, {"ms", 4.29}, {"part", 0.52}}}});
    SparseView view;
    view.setResults(results);
    EXPECT_THAT(textOfLabel(view, "sparseFacts"),
                HasSubstr("; 52.0 % of the dense network's time measured (4.29 of 8.25 ms for 64 pictures), "
                          "49.0 % predicted, 50 % wanted"));
    EXPECT_EQ(seriesIn(view, "sparseDensities").size(), 1u);  // no layer has a density of its own to keep
    results.latency.reset();
    view.setResults(results);
    EXPECT_THAT(textOfLabel(view, "sparseFacts"), Not(HasSubstr("time")));
}

TEST(MaskHistory, CurvesStandWithTheirKind) {
    testing::qtApplication();
    const auto curve = [](const char* name, double value) {
        ChartSeries series;
        series.name = name;
        series.x = {15, 30};
        series.y = {value, value};
        return series;
    };
    MaskHistoryView view;
    view.setHistory({"a",
                     {curve("structure/entered", 5), curve("structure/density", 0.5),
                      curve("structure/predicted latency (part of dense)", 0.7)},
                     {240}});
    const auto names = [&](const char* chart) {
        std::vector<std::string> names;
        for (const ChartSeries& series : seriesIn(view, chart))
            names.push_back(series.name.toStdString());
        return names;
    };
    EXPECT_THAT(names("historyParts"), ElementsAre("density", "predicted latency (part of dense)"));
    EXPECT_THAT(names("historyExchanges"), ElementsAre("entered"));
    EXPECT_TRUE(view.findChild<Chart*>("historyEntropy")->isHidden());
    EXPECT_TRUE(view.findChild<QSlider*>("historyFrames")->isHidden());  // one frame is nothing to go through
}

Json studentRow(const char* name, double nats, Json more) {
    Json row{{"student", name}, {"nats_as_cut", nats}, {"nats_per_token", nats}, {"parameters", 1}};
    row.update(more);
    return row;
}

StructureResults depthResults() {
    const auto texts = [](double a, double b) {
        return Json{{"texts", {{"bible", {{"natsPerToken", a}}}, {"manual", {{"natsPerToken", b}}}}}};
    };
    Json plain = texts(1.2, 2.5), mean = texts(1.1, 2.3), parts = texts(1.3, 2.2), random = texts(3, 4);
    plain.update({{"sizes", {{"depth", 3}}}, {"stand_in", "none"}});
    mean.update({{"sizes", {{"depth", 3}}},
                 {"stand_in", "mean"},
                 {"stand_ins", {{{"player", 2}, {"left_by_mean", 0.9}, {"left_by_map", 0.9}}}}});
    parts.update({{"attention_removed", 2}, {"stand_in", "none"}});
    random.update({{"sizes", {{"depth", 3}}}, {"stand_in", "none"}, {"control", true}});
    const auto students =
        studentsOf({{"students",
                     {studentRow("dense", 1, texts(1, 2)), studentRow("depth 3", 1.8, plain),
                      studentRow("depth 3, mean", 1.6, mean), studentRow("without attention 2", 1.7, parts),
                      studentRow("random control: depth 3", 3.5, random)}}});
    EXPECT_TRUE(students) << (students ? "" : students.error().text());
    StructureResults results;
    results.scores.neurons.resize(4);
    results.scores.blocks = {{"cosine", {4, 1, 2, 3}}, {"loss", {8, 6, 2, 4}}};
    results.scores.parts = {{"loss", {1, 2, 3, 4, 5, 6, 7, 8}}};
    results.scores.streamCosines = {{1, 0.5}, {0.5, 1}};
    results.students = *students;
    return results;
}

TEST(Removal, CurvesStartAtTheDenseModelAndKeepStandInsApart) {
    const auto curves = removalCurves(depthResults());
    ASSERT_EQ(curves.size(), 4u);
    EXPECT_EQ(curves[0].name, "blocks");
    EXPECT_THAT(curves[0].x, ElementsAre(0, 1));
    EXPECT_EQ(curves[1].name, "blocks, their mean update");
    EXPECT_THAT(curves[1].y, ElementsAre(1, 1.6));
    EXPECT_EQ(curves[2].name, "attention parts");
    EXPECT_THAT(curves[2].x, ElementsAre(0, 2));
    EXPECT_TRUE(curves[3].dashed);
    const auto won = wonBack(depthResults());
    ASSERT_EQ(won.size(), 1u);
    EXPECT_NEAR(won[0].nats, 0.2, 1e-12);
    EXPECT_EQ(won[0].label, "1 mean");
    testing::qtApplication();
    RemovalView view;
    view.setResults(depthResults());
    EXPECT_THAT(textOfLabel(view, "removalFacts"), HasSubstr("depth 3, mean: 0.2000"));
    EXPECT_THAT(seriesIn(view, "removalFits")[0].y, ElementsAre(90));
    const auto& texts = seriesIn(view, "removalTexts");
    ASSERT_EQ(texts.size(), 2u);
    EXPECT_NEAR(texts[0].x[0], 0.2, 1e-12);
    EXPECT_NEAR(texts[0].y[0], 0.5, 1e-12);
}

TEST(Depth, MetricsStandSideBySide) {
    testing::qtApplication();
    const StructureResults results = depthResults();
    const auto bars = influenceBars(results.scores.blocks);
    ASSERT_EQ(bars.size(), 2u);
    EXPECT_THAT(bars[0].y, ElementsAre(1, 0.25, 0.5, 0.75));
    EXPECT_LT(bars[0].x[1], 1);
    EXPECT_GT(bars[1].x[1], 1);
    const HeatMap agreement = metricAgreement(results.scores.blocks);
    EXPECT_DOUBLE_EQ(agreement.at(0, 0), 1);
    EXPECT_DOUBLE_EQ(agreement.at(0, 1), rankAgreement({4, 1, 2, 3}, {8, 6, 2, 4}));
    EXPECT_LT(agreement.at(0, 1), 1);
    const auto parts = partBars(results.scores.parts.at("loss"));
    EXPECT_THAT(parts[0].y, ElementsAre(1, 3, 5, 7));
    EXPECT_THAT(parts[1].y, ElementsAre(2, 4, 6, 8));
    DepthView view;
    view.setScores(results.scores);
    EXPECT_THAT(textOfLabel(view, "depthFacts"), HasSubstr("cosine: 1 · loss: 2"));
}

}  // namespace
}  // namespace vitrine
