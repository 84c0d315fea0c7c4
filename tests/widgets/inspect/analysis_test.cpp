// What the analysis dock asks for and shows, without an engine.
#include "app/desktop/inspect/analysis/analysis_pages.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/shell/job_list.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(AnalysisSettings, RoundTripAndKeepDefaultsForNonsense) {
    const AnalysisSettings settings{.kind = AnalysisKind::ZeroShot,
                                    .modelPath = "/m",
                                    .otherPath = "/o",
                                    .places = false,
                                    .views = 2,
                                    .count = 9,
                                    .labels = "/l.csv",
                                    .voters = 7,
                                    .classes = "a, b",
                                    .sentence = "{}",
                                    .layer = 3};
    EXPECT_EQ(AnalysisSettings::fromJson(settings.toJson()), settings);
    EXPECT_EQ(AnalysisSettings::fromJson(Json("text")), AnalysisSettings());
    EXPECT_EQ(
        AnalysisSettings::fromJson(Json::parse(R"({"kind": 3, "views": "x", "classes": [], "layer": 1.5})")),
        AnalysisSettings());
    EXPECT_EQ(AnalysisSettings::fromJson(Json{{"views", 1000}}).views, 16);
    EXPECT_EQ(AnalysisSettings::fromJson(Json{{"count", 0}}).count, 1);
    for (const AnalysisKindName& each : analysisKinds())
        EXPECT_EQ(AnalysisSettings::fromJson(Json{{"kind", each.name}}).kind, each.kind);
}

TEST(AnalysisSettings, SplitsClasses) {
    AnalysisSettings settings;
    settings.classes = " a dog ,, truck\t, ";
    EXPECT_EQ(settings.classNames(), (std::vector<std::string>{"a dog", "truck"}));
    settings.classes = " , ";
    EXPECT_TRUE(settings.classNames().empty());
}

TEST(AnalysisController, SaysWhatIsMissing) {
    testing::qtApplication();
    JobList jobs;
    InspectController pictures(jobs);
    AnalysisController controller(&pictures);
    controller.run({"/a.png"}, "/a.png");
    EXPECT_FALSE(controller.isRunning());
    EXPECT_TRUE(controller.error().contains("model"));
    EXPECT_EQ(controller.model(), nullptr);
    EXPECT_TRUE(jobs.jobs().isEmpty());
}

TEST(AnalysisPages, ShowWhatWasMeasured) {
    LayerRanks ranks;
    ranks.layers = {{"0", 8, 100, 3.5, 2.5, 1.5}, {"final", 8, 100, 6, 5, std::nullopt}};
    const auto series = chartOf(ranks);
    ASSERT_EQ(series.size(), 3u);
    EXPECT_EQ(series[0].y, (QVector<double>{3.5, 6}));
    EXPECT_EQ(series[2].x, (QVector<double>{0}));
    EXPECT_EQ(layerNamesOf(ranks), (QStringList{"0", "final"}));
    EXPECT_FALSE(tableOf(ranks).rows[1][3].isValid());

    ZeroShotTable classes;
    classes.classes = {"dog", "truck"};
    classes.rows = {{"/x/t.jpg", {0.25, 0.75}}};
    EXPECT_EQ(tableOf(classes).rows[0], (QVariantList{"t.jpg", "truck", 0.25, 0.75}));

    NeighborLists lists;
    EXPECT_TRUE(stripOf(lists).empty());
    lists.rows = {{"/q.png", {{"/n.png", "", 0.5}}}};
    lists.skipped = {{"/bad.png", "broken"}};
    ASSERT_EQ(stripOf(lists).size(), 2u);
    EXPECT_EQ(stripOf(lists)[1].caption, "cosine 0.500");
    EXPECT_TRUE(captionOf(AnalysisOutcome{{}, "m", "m", lists, 2}).contains("left out: 1 picture"));

    FixedPatternResult pattern;
    pattern.width = 2;
    pattern.height = 1;
    pattern.energy = {0, 0};
    pattern.outlierRate = {0.5, 0.25};
    EXPECT_GT(heatMapOf(pattern, "m", false).high, 0);  // nothing there: still a range
    EXPECT_EQ(heatMapOf(pattern, "m", true).values, (std::vector<double>{0.5, 0.25}));
}

}  // namespace vitrine
