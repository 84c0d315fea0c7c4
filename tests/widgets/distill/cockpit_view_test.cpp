#include "app/desktop/distill/cockpit_view.h"

#include "tests/widgets/qt_fixture.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const std::vector<SeriesPoint>> pointsOf(const std::vector<double>& values,
                                                         double start = 100) {
    std::vector<SeriesPoint> points;
    for (size_t i = 0; i < values.size(); ++i)
        points.push_back({int64_t(i) + 1, start + double(i), values[i]});
    return std::make_shared<const std::vector<SeriesPoint>>(std::move(points));
}

// Two teachers, ten steps, one second each.
std::shared_ptr<CockpitRun> runOf(const std::string& name, int64_t number) {
    auto run = std::make_shared<CockpitRun>();
    run->run.name = name;
    run->run.number = number;
    run->run.id = "id-" + name;
    run->run.status = RunStatus::Running;
    run->teachers = {"loud", "quiet"};
    const std::vector<double> ten(10, 0.5);
    for (const char* metric :
         {"loss", "loss/loud/features", "loss/quiet/features", "loss/loud/summary", "share/loud",
          "share/quiet", "learning rate", "gradient norm", "time/stall share", "system/memory (MB)"})
        run->series[metric] = pointsOf(ten);
    return run;
}

const ChartGroup& groupOf(const std::vector<ChartGroup>& groups, const char* title) {
    for (const ChartGroup& group : groups)
        if (group.title == title)
            return group;
    static const ChartGroup none;
    ADD_FAILURE() << "no chart " << title;
    return none;
}

TEST(CockpitView, CurvesInGroupsWithOneZeroOfTime) {
    testing::qtApplication();
    const auto run = runOf("first", 1);
    run->series["system/memory (MB)"] = pointsOf({1, 2}, 104);  // looked at later than the first step
    const auto groups = cockpitCharts({run}, QPalette());
    EXPECT_EQ(groupOf(groups, "Spatial loss").lines.size(), 2u);
    EXPECT_EQ(groupOf(groups, "Summary loss").lines.size(), 1u);
    EXPECT_EQ(groupOf(groups, "Summary loss").lines[0].label, "loud");
    // The same teacher has the same colour everywhere.
    EXPECT_EQ(groupOf(groups, "Share of the loss").lines[1].color,
              groupOf(groups, "Spatial loss").lines[1].color);
    for (const ChartGroup& group : groups)
        for (const MetricSeries& line : group.lines)
            EXPECT_EQ(line.timeOrigin, 100) << group.title.toStdString();
    // What was never measured has no empty chart.
    for (const ChartGroup& group : groups)
        EXPECT_NE(group.title, "GPU");
}

TEST(CockpitView, ComparedRunsAreDashedInTheSameColours) {
    testing::qtApplication();
    const auto groups = cockpitCharts({runOf("first", 1), runOf("second", 2)}, QPalette());
    const ChartGroup& loss = groupOf(groups, "Spatial loss");
    ASSERT_EQ(loss.lines.size(), 4u);
    EXPECT_FALSE(loss.lines[0].dashed);
    EXPECT_TRUE(loss.lines[2].dashed);
    EXPECT_EQ(loss.lines[0].color, loss.lines[2].color);
    EXPECT_EQ(loss.lines[2].label, "loud · second");
}

TEST(CockpitView, EventsBecomeMarksAtTheirSteps) {
    testing::qtApplication();
    const auto run = runOf("first", 1);
    run->events = {{99, "started", Json::object()},
                   {104.5, "set", {{"key", "learning_rate"}, {"value", 0.0005}, {"before", 0.001}}},
                   {105, "log", {{"message", "6 pictures"}}},
                   {107.2, "action", {{"action", "probe"}, {"error", "no room"}}},
                   {200,
                    "failure",
                    {{"step", 11}, {"message", "the summary loss is not finite"}, {"tensor", "block 2"}}}};
    const auto marks = cockpitMarks(*run, QPalette());
    ASSERT_EQ(marks.size(), 3u);
    EXPECT_EQ(marks[0].step, 5);
    EXPECT_EQ(marks[0].text, "learning_rate: 0.001 → 0.0005");
    EXPECT_EQ(marks[1].text, "probe failed: no room");
    EXPECT_EQ(marks[2].step, 10);
    EXPECT_NE(marks[2].color, marks[0].color);
    const auto lines = eventLines(*run);
    ASSERT_EQ(lines.size(), 5u);
    EXPECT_EQ(lines[2].text, "6 pictures");
    EXPECT_TRUE(lines[4].bad);
    EXPECT_THAT(lines[4].text.toStdString(), HasSubstr("first bad tensor: block 2"));
}

TEST(CockpitView, ProbesStandBesideTheirTeachers) {
    testing::qtApplication();
    const auto run = runOf("first", 1);
    for (const char* name :
         {"probe/1 cat/picture.png", "probe/1 cat/loud teacher.png", "probe/1 cat/quiet teacher.png"})
        run->probes.push_back({1, name, 0, QString("/store/") + name, "image/png"});
    for (const int64_t step : {0, 4})
        for (const char* teacher : {"loud", "quiet"})
            run->probes.push_back({1, QString("probe/1 cat/%1 student.png").arg(teacher), step,
                                   QString("/store/%1-%2").arg(teacher).arg(step), "image/png"});
    const ProbeBoard board = probeBoard({run}, QPalette());
    QStringList columns;
    for (const MediaRun& column : board.columns)
        columns.append(column.label);
    EXPECT_EQ(columns, (QStringList{"picture", "loud", "student", "quiet", "student"}));
    MediaSteps steps;
    steps.setItems(board.items);
    EXPECT_EQ(steps.names(), QStringList{"1 cat"});
    EXPECT_EQ(steps.steps(), (std::vector<int64_t>{0, 4}));
    EXPECT_EQ(steps.at(2, "1 cat", 4)->path, "/store/loud-4");
    EXPECT_EQ(steps.at(2, "1 cat", 3)->path, "/store/loud-0");
    EXPECT_EQ(steps.at(1, "1 cat", 4)->path, "/store/probe/1 cat/loud teacher.png");  // the teacher's stays
    // Of two runs the students stand side by side.
    const auto other = runOf("second", 2);
    other->probes = run->probes;
    EXPECT_EQ(probeBoard({run, other}, QPalette()).columns.size(), 7u);
}

TEST(CockpitView, WarnsOfATeacherThatTakesNearlyAll) {
    testing::qtApplication();
    const auto run = runOf("first", 1);
    EXPECT_TRUE(dominanceWarning(*run).isEmpty());
    run->series["share/loud"] = pointsOf(std::vector<double>(10, 0.93));
    EXPECT_THAT(dominanceWarning(*run).toStdString(), HasSubstr("loud takes 93 %"));
}

TEST(CockpitView, SaysWhyARunEndedAndWhatToDo) {
    testing::qtApplication();
    const auto run = runOf("first", 1);
    EXPECT_TRUE(endText(*run).isEmpty());
    run->run.status = RunStatus::Interrupted;
    run->checkpointStep = 8;
    EXPECT_THAT(endText(*run).toStdString(),
                HasSubstr("step 10 was the last one recorded. Resume goes on from step 8"));
    run->run.status = RunStatus::Failed;
    run->run.error = "teacher loud: the features loss is not finite";
    EXPECT_THAT(endText(*run).toStdString(), HasSubstr("not finite\nResume goes on from step 8."));
}

}  // namespace
}  // namespace vitrine
