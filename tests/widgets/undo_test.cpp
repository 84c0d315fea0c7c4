#include "tests/support/temporary_folder.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/shell/command_center.h"
#include "widgets/shell/job_list.h"

#include <gtest/gtest.h>

#include <QAction>
#include <QWidget>

namespace vitrine {
namespace {

class CommandCenterTest : public ::testing::Test {
  protected:
    CommandCenterTest() : center((testing::qtApplication(), registry), jobs) {
        center.add({"value.set", "Set the value", QKeySequence("Ctrl+1"), "plus",
                    Json{{"type", "object"},
                         {"properties", {{"value", {{"type", "integer"}}}}},
                         {"required", {"value"}},
                         {"additionalProperties", false}},
                    [this](const Json& arguments) -> Result<void> {
                        value = arguments["value"].get<int>();
                        return {};
                    }});
        center.add({"value.clear",
                    "Clear the value",
                    QKeySequence("Ctrl+2"),
                    "close",
                    {},
                    [this](const Json&) -> Result<void> {
                        value = 0;
                        return {};
                    }});
        QObject::connect(&center, &CommandCenter::failed,
                         [this](const QString&, const QString& text) { error = text; });
    }
    CommandRegistry registry;
    JobList jobs;
    CommandCenter center;
    int value = 0;
    QString error;
};

TEST_F(CommandCenterTest, UndoRunsTheCommandWithTheOldArguments) {
    center.runUndoable("Set", "value.set", {{"value", 0}}, {{"value", 5}});
    center.runUndoable("Set more", "value.set", {{"value", 5}}, {{"value", 9}});
    EXPECT_EQ(value, 9);
    center.undoStack().undo();
    EXPECT_EQ(value, 5);
    center.undoStack().undo();
    EXPECT_EQ(value, 0);
    center.undoStack().redo();
    EXPECT_EQ(value, 5);
    EXPECT_EQ(center.undoStack().text(1), "Set more");
}

TEST_F(CommandCenterTest, StepsOfADraggedSliderBecomeOne) {
    for (int step = 1; step <= 20; ++step)
        center.runUndoable("Drag", "value.set", {{"value", step - 1}}, {{"value", step}});
    EXPECT_EQ(center.undoStack().count(), 1);
    center.undoStack().undo();
    EXPECT_EQ(value, 0);
}

TEST_F(CommandCenterTest, WrongArgumentsAreAnErrorNotACrash) {
    EXPECT_FALSE(center.run("value.set", {{"valu", 3}}));
    EXPECT_TRUE(error.contains("valu"));
    EXPECT_FALSE(center.run("no.such.command"));
}

TEST_F(CommandCenterTest, ShortcutsMoveAndAreKept) {
    QWidget owner;
    QAction* clear = center.action("value.clear", &owner);
    EXPECT_EQ(clear->shortcut(), QKeySequence("Ctrl+2"));
    EXPECT_EQ(center.setShortcut("value.clear", QKeySequence("Ctrl+1")), "value.set");
    EXPECT_EQ(clear->shortcut(), QKeySequence("Ctrl+1"));
    EXPECT_TRUE(center.shortcut("value.set").isEmpty());
    const Json kept = center.shortcutsToJson();
    EXPECT_EQ(kept["value.clear"], "Ctrl+1");
    center.setShortcut("value.clear", QKeySequence("F9"));
    center.shortcutsFromJson(kept);
    EXPECT_EQ(clear->shortcut(), QKeySequence("Ctrl+1"));
}

TEST_F(CommandCenterTest, RecordingCanBeReplayed) {
    testing::TemporaryFolder folder;
    ASSERT_TRUE(center.startRecording(folder / "walk.jsonl"));
    center.run("value.set", {{"value", 4}});
    center.run("value.set", {{"value", 7}});
    center.stopRecording();
    value = 0;
    const auto count = center.replay(folder / "walk.jsonl");
    ASSERT_TRUE(count) << count.error().text();
    EXPECT_EQ(*count, 2);
    EXPECT_EQ(value, 7);
    EXPECT_FALSE(center.replay(folder / "absent.jsonl"));
}

TEST(CommandLine, ArgumentsBecomeOptionsAndPositions) {
    CommandSpec spec;
    spec.name = "model.show";
    spec.positional = {"folders"};
    const Json arguments{
        {"folders", {"/a", "/b"}}, {"tensorName", "x"}, {"stats", true}, {"quiet", false}, {"top", 3}};
    EXPECT_EQ(commandLineOf(spec, arguments),
              (QStringList{"model", "show", "--tensor-name", "x", "--stats", "--top", "3", "/a", "/b"}));
}

TEST_F(CommandCenterTest, CoreCommandsRunOffTheInterfaceThread) {
    CommandSpec spec;
    spec.name = "slow.work";
    spec.summary = "Work";
    spec.arguments = Json{{"type", "object"}, {"properties", Json::object()}};
    registry.declare(spec);
    const auto interfaceThread = std::this_thread::get_id();
    std::atomic<bool> elsewhere = false;
    registry.bind("slow.work", [&](const Json&, CommandContext&) -> Result<CommandOutput> {
        elsewhere = std::this_thread::get_id() != interfaceThread;
        CommandOutput output;
        output.text = "done\n";
        return output;
    });
    QString finished;
    QObject::connect(&center, &CommandCenter::finished,
                     [&](const QString&, const QString& text) { finished = text; });
    center.run("slow.work");
    EXPECT_EQ(jobs.jobs().size(), 1);
    ASSERT_TRUE(testing::waitUntil([&] { return !finished.isEmpty(); }));
    EXPECT_TRUE(elsewhere);
    EXPECT_TRUE(jobs.jobs().isEmpty());
}

}  // namespace
}  // namespace vitrine
