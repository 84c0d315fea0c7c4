#include "tests/widgets/qt_fixture.h"
#include "widgets/shell/command_palette.h"
#include "widgets/shell/main_window.h"

#include <gtest/gtest.h>

#include <QLineEdit>
#include <QListWidget>
#include <QTest>

namespace vitrine {
namespace {

TEST(CommandPalette, FindsWhatIsMeantFirst) {
    testing::qtApplication();
    CommandRegistry registry;
    MainWindow window(registry);
    const auto first = [&](const char* query) { return searchCommands(window.commands(), query).at(0).name; };
    EXPECT_EQ(first("undo"), "edit.undo");
    EXPECT_EQ(first("dark"), "theme.toggle");
    EXPECT_EQ(first("shortc"), "shortcuts.show");
    EXPECT_EQ(searchCommands(window.commands(), "").size(), registry.specs().size());
    EXPECT_TRUE(searchCommands(window.commands(), "qqqqzz").empty());
}

TEST(CommandPalette, RunsTheChosenCommandByKeyboard) {
    testing::qtApplication();
    CommandRegistry registry;
    MainWindow window(registry);
    bool ran = false;
    window.commands().add(
        {"test.act", "Quite unusual words", {}, "plus", {}, [&](const Json&) -> Result<void> {
             ran = true;
             return {};
         }});
    window.show();
    window.commands().run("palette.open");
    auto* edit = window.findChild<QLineEdit*>("paletteEdit");
    ASSERT_TRUE(edit && edit->isVisible());
    QTest::keyClicks(edit, "unusual");
    QTest::keyClick(edit, Qt::Key_Return);
    EXPECT_TRUE(ran);
    EXPECT_FALSE(edit->isVisible());
}

TEST(CommandPalette, ArgumentsAreReadAsJsonOrText) {
    const auto arguments = parseArguments("n=3 path=/a/b layers=[1,2] name='two words'");
    ASSERT_TRUE(arguments) << arguments.error().text();
    EXPECT_EQ(*arguments, (Json{{"n", 3}, {"path", "/a/b"}, {"layers", {1, 2}}, {"name", "two words"}}));
    EXPECT_FALSE(parseArguments("nonsense"));
}

}  // namespace
}  // namespace vitrine
