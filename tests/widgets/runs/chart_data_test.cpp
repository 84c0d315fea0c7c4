#include "widgets/runs/chart_data.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"
#include "widgets/runs/lineage_layout.h"
#include "widgets/runs/metric_chart.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

MetricSeries line(int64_t run, int count, const std::function<double(int)>& value,
                  const QString& group = "a") {
    std::vector<SeriesPoint> points;
    for (int step = 0; step < count; ++step)
        points.push_back({step, 1000 + step * 0.5, value(step)});
    return {run, QString("run %1").arg(run), group, Qt::red,
            std::make_shared<const std::vector<SeriesPoint>>(std::move(points))};
}

TEST(ChartData, AxesAreStepsSecondsSinceStartAndTime) {
    const std::vector<MetricSeries> series{line(1, 10, [](int step) { return step * 2.0; })};
    ChartOptions options;
    EXPECT_EQ(chartLines(series, options)[0].x.back(), 9);
    options.axis = ChartAxis::RelativeTime;
    EXPECT_EQ(chartLines(series, options)[0].x.back(), 4.5);
    options.axis = ChartAxis::WallTime;
    EXPECT_EQ(chartLines(series, options)[0].x.back(), 1004.5);
}

TEST(ChartData, ThinsOutButKeepsTheSpike) {
    const auto series = line(1, 100000, [](int step) { return step == 54321 ? 100.0 : 0.0; });
    ChartOptions options;
    options.maxPoints = 800;
    const auto lines = chartLines({series}, options);
    EXPECT_LE(lines[0].x.size(), 800);
    EXPECT_EQ(*std::max_element(lines[0].y.begin(), lines[0].y.end()), 100);
}

TEST(ChartData, ZoomedInEveryPointIsThereWithANeighbourOnEachSide) {
    const auto series = line(1, 100000, [](int step) { return double(step); });
    ChartOptions options;
    options.maxPoints = 800;
    options.range = std::pair{5000.0, 5010.0};
    const auto lines = chartLines({series}, options);
    EXPECT_EQ(lines[0].x.front(), 4999);
    EXPECT_EQ(lines[0].x.back(), 5011);
    EXPECT_EQ(lines[0].x.size(), 13);
}

TEST(ChartData, LogarithmicAxesLeaveOutWhatTheyCannotShow) {
    ChartOptions options;
    options.logX = options.logY = true;
    const auto lines = chartLines({line(1, 5, [](int step) { return step - 2.0; })}, options);
    EXPECT_EQ(lines[0].x.front(), 1);
    EXPECT_TRUE(std::isnan(lines[0].y[0]));
    EXPECT_TRUE(std::isnan(lines[0].y[1]));
    EXPECT_EQ(lines[0].y[2], 1);
}

TEST(ChartData, SeedsBecomeABandOthersStayLines) {
    ChartOptions options;
    options.seedBands = true;
    const auto lines = chartLines({line(1, 5, [](int) { return 1.0; }), line(2, 5, [](int) { return 3.0; }),
                                   line(
                                       3, 5, [](int) { return 9.0; }, "b")},
                                  options);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(lines[0].isBand());
    EXPECT_EQ(lines[0].runs, 2);
    EXPECT_DOUBLE_EQ(lines[0].y[0], 2);
    EXPECT_NEAR(lines[0].high[0] - lines[0].y[0], std::sqrt(2.0), 1e-12);  // of the sample, n - 1
    EXPECT_NEAR(lines[0].y[0] - lines[0].low[0], std::sqrt(2.0), 1e-12);
    EXPECT_FALSE(lines[1].isBand());
}

TEST(ChartData, SmoothingPullsTowardsThePast) {
    ChartOptions options;
    options.smoothing = 0.9;
    const auto lines = chartLines({line(1, 50, [](int step) { return step < 25 ? 0.0 : 1.0; })}, options);
    EXPECT_EQ(lines[0].y[24], 0);
    EXPECT_NEAR(lines[0].y[25], 0.1 / (1 - std::pow(0.9, 26)), 1e-9);
}

TEST(ChartData, ReadOutTakesTheNearestPointWithinReach) {
    const auto lines = chartLines({line(1, 10, [](int step) { return step * 1.0; })}, {});
    const auto readings = readingsAt(lines, 3.4, 1);
    ASSERT_EQ(readings.size(), 1u);
    EXPECT_EQ(readings[0].x, 3);
    EXPECT_TRUE(readingsAt(lines, 20, 1).empty());
}

TEST(MetricChart, SavesPictureVectorAndNumbers) {
    testing::TemporaryFolder folder;
    MetricChart chart("val/loss, mean");
    chart.resize(500, 300);
    chart.setSeries({line(1, 100, [](int step) { return 1.0 / (step + 1); })});
    const auto path = [&](const char* name) { return QString::fromStdString((folder / name).string()); };
    for (const char* name : {"a.png", "a.svg", "a.csv"})
        ASSERT_TRUE(chart.save(path(name))) << name;
    EXPECT_TRUE(readFile(folder / "a.png")->starts_with("\x89PNG"));
    EXPECT_NE(readFile(folder / "a.svg")->find("<svg"), std::string::npos);
    const std::string csv = *readFile(folder / "a.csv");
    EXPECT_TRUE(csv.starts_with("run,step,time,\"val/loss, mean\"\nrun 1,0,1000.000,1\n"));
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 101);
    EXPECT_FALSE(chart.save(path("missing/folder/a.png")));
}

TEST(LineageLayout, LayersFollowTheArrowsAndCyclesEnd) {
    std::vector<LineageEdge> edges{{"r1", "input", "dataset", "d", "data"},
                                   {"r1", "output", "artifact", "x", "checkpoint"},
                                   {"r2", "input", "artifact", "x", "checkpoint"}};
    const LineageGraph graph = layoutLineage(edges, "r1", {{"r1", "first"}, {"r2", "second"}});
    ASSERT_EQ(graph.nodes.size(), 4u);
    ASSERT_EQ(graph.links.size(), 3u);
    EXPECT_EQ(graph.nodes[0].label, "first");
    std::map<std::string, int> layer;
    for (const LineageNode& node : graph.nodes)
        layer[node.key] = node.layer;
    EXPECT_LT(layer["run:r1"], layer["artifact:x"]);
    EXPECT_LT(layer["artifact:x"], layer["run:r2"]);
    edges.push_back({"r2", "output", "dataset", "d", "data"});
    const LineageGraph cyclic = layoutLineage(edges, "r1", {});
    EXPECT_EQ(cyclic.nodes.size(), 4u);
    EXPECT_EQ(cyclic.links.size(), 4u);
}

}  // namespace
}  // namespace vitrine
