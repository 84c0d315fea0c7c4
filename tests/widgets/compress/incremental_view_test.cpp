// The view of a run that learns chunk by chunk: what it makes of the report of that job.
#include "app/desktop/compress/training_questions.h"
#include "tests/widgets/compress/shown.h"
#include "tests/widgets/qt_fixture.h"

#include <gmock/gmock.h>

#include <QSlider>

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

IncrementalResults twoChunks() {
    IncrementalResults results;
    results.run = "a";
    results.chunks = {
        incrementalChunkOf({{"accuracy", 0.5}, {"held_out", {0.6}}, {"channel_use", {1.0, 0.0, 0.5, 0.05}}}),
        incrementalChunkOf(
            {{"accuracy", 0.7},
             {"held_out", {0.4, 0.8}},
             {"forgotten", 0.2},
             {"channel_use", {1.0, 0.4, 0.01, 0.05}},
             {"layers",
              {{{"name", "layer1.0"}, {"similarity", 0.9}}, {{"name", "layer2.0"}, {"similarity", nullptr}}}},
             {"line", {1.0, 1.5, 0.8}},
             {"barrier", 0.6}})};
    results.others = {{"cold", {0.4, 0.45}}};
    return results;
}

TEST(IncrementalView, PartsThatAreNotLearntYetHaveNoValue) {
    const HeatMap map = forgettingMap(twoChunks());
    ASSERT_EQ(map.rows, 2);
    EXPECT_DOUBLE_EQ(map.at(0, 0), 60);
    EXPECT_DOUBLE_EQ(map.at(0, 1), 40);
    EXPECT_TRUE(std::isnan(map.at(1, 0)));
    EXPECT_DOUBLE_EQ(map.low, 40);
    EXPECT_DOUBLE_EQ(map.high, 80);
    EXPECT_TRUE(forgettingMap({}).isEmpty());
}

TEST(IncrementalView, ChannelsAreFreedAndTakenUp) {
    const ChannelTurnover turnover = channelTurnover({1, 0, 0.5, 0.05}, {1, 0.4, 0.01, 0.05});
    EXPECT_EQ(turnover.carry, 2);
    EXPECT_EQ(turnover.freed, 1);
    EXPECT_EQ(turnover.taken, 1);
    EXPECT_EQ(channelTurnover({}, {1, 2}).taken, 0);
    EXPECT_EQ(channelTurnover({0, 0}, {0, 0}).carry, 0);
}

TEST(IncrementalView, ShowsTheLastChunkAndGoesToOthers) {
    testing::qtApplication();
    IncrementalView view;
    EXPECT_FALSE(view.choose(0));
    view.setResults(twoChunks());
    EXPECT_THAT(textOfLabel(view, "incrementalFacts"),
                HasSubstr("After chunk 1: 70.00 % of the test pictures"));
    EXPECT_THAT(textOfLabel(view, "incrementalFacts"),
                HasSubstr("2 of 4 channels carry (1 freed, 1 taken up)"));
    EXPECT_THAT(textOfLabel(view, "incrementalFacts"), HasSubstr("a hill of 0.600 nats"));
    EXPECT_THAT(seriesIn(view, "incrementalLine")[0].y, ElementsAre(1, 1.5, 0.8));
    EXPECT_THAT(seriesIn(view, "incrementalAccuracy")[1].y, ElementsAre(40, 45));
    int asked = -1;
    QObject::connect(&view, &IncrementalView::chunkChosen, [&](int chunk) { asked = chunk; });
    view.findChild<QSlider*>("incrementalChunk")->setValue(0);
    EXPECT_EQ(asked, 0);
    IncrementalResults better = twoChunks();
    better.chunks[1].forgotten = -0.05;
    view.setResults(better);
    EXPECT_THAT(textOfLabel(view, "incrementalFacts"), HasSubstr("5.00 points gained on earlier chunks"));
    ASSERT_TRUE(view.choose(0));
    EXPECT_THAT(textOfLabel(view, "incrementalFacts"), HasSubstr("After chunk 0: 50.00 %"));
    EXPECT_EQ(seriesIn(view, "incrementalLine")[0].name, "other chunks");
    const auto beyond = view.choose(2);
    ASSERT_FALSE(beyond);
    EXPECT_THAT(beyond.error().text(), HasSubstr("0 to 1 are learnt"));
}

TEST(IncrementalView, StepsWithoutSuchPicturesAreGaps) {
    ChartSeries right, wrong;
    right.x = {5, 6, 9};
    right.y = {0.5, 0.25, 1};
    wrong.x = {5, 7, 8, 9};
    wrong.y = {1, 2, 0, 4};
    showGaps(right, wrong);
    EXPECT_THAT(right.x, ElementsAre(5, 6, 7, 8, 9));
    EXPECT_THAT(right.y, ElementsAre(0.5, 0.25, IsNan(), IsNan(), 1));
    EXPECT_EQ(wrong.x, right.x);
    EXPECT_THAT(wrong.y, ElementsAre(1, IsNan(), 2, 0, 4));
    // Where there is no such picture in the whole run there is no line.
    ChartSeries none;
    showGaps(none, right);
    EXPECT_TRUE(none.x.isEmpty());
}

TEST(IncrementalView, WeightsOfPicturesAreBars) {
    const IncrementalChunk chunk = incrementalChunkOf(
        {{"distillation_weights", {{"width", 0.5}, {"right", {1, 0, 5, 0}}, {"wrong", {3, 1, 0, 0}}}}});
    const auto bars = weightBars(chunk);
    ASSERT_EQ(bars.size(), 2u);
    EXPECT_EQ(bars[0].name, "it is right");
    EXPECT_THAT(bars[0].y, ElementsAre(10, 0, 50));  // up to the last weight that occurs
    EXPECT_THAT(bars[1].y, ElementsAre(30, 10, 0));
    EXPECT_NEAR((bars[0].x[2] + bars[1].x[2]) / 2, 1.25, 1e-12);
    EXPECT_TRUE(weightBars({}).empty());
    EXPECT_TRUE(weightBars(incrementalChunkOf({{"accuracy", 0.5}})).empty());
    testing::qtApplication();
    IncrementalView view;
    IncrementalResults results = twoChunks();
    results.chunks[1] = chunk;
    view.setResults(results);
    EXPECT_EQ(seriesIn(view, "incrementalSpread").size(), 2u);
    ASSERT_TRUE(view.choose(0));  // the first chunk has no network before it
    EXPECT_TRUE(seriesIn(view, "incrementalSpread").empty());
}

}  // namespace
}  // namespace vitrine
