#include "tests/support/temporary_folder.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/base/theme.h"
#include "widgets/shell/main_window.h"

#include <gtest/gtest.h>

#include <QLabel>
#include <fstream>

namespace vitrine {
namespace {

class NoteWorkspace : public Workspace {
  public:
    NoteWorkspace() : Workspace("note", "Note", "text") {
        setCentralWidget(new QLabel("centre"));
        left = addPanel("leftDock", "Left", new QLabel("left"), Qt::LeftDockWidgetArea);
    }
    void declareCommands(CommandCenter&) override {}
    Json saveSession() const override { return {{"note", note}}; }
    void restoreSession(const Json& session) override { note = session.value("note", ""); }
    QDockWidget* left;
    std::string note;
};

TEST(Session, RoundTripsThroughAFile) {
    testing::TemporaryFolder folder;
    Session session;
    session.dark = false;
    session.accent = "#112233";
    session.workspaces["inspect"] = Json{{"panels", {1, 2}}};
    session.layouts["inspect"] = "abc";
    for (int index = 0; index < 20; ++index)
        session.addRecent("/p" + std::to_string(index));
    session.addRecent("/p15");
    ASSERT_TRUE(session.save(folder / "state" / "session.json"));
    const auto loaded = Session::load(folder / "state" / "session.json");
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ(loaded->toJson(), session.toJson());
    EXPECT_EQ(loaded->recent.size(), 12u);
    EXPECT_EQ(loaded->recent[0], "/p15");
    EXPECT_EQ(loaded->recent[1], "/p19");
}

TEST(Session, RefusesWhatIsDamagedOrNewer) {
    EXPECT_FALSE(Session::fromJson(Json::array(), "s"));
    EXPECT_FALSE(Session::fromJson(Json{{"version", 99}}, "s"));
    EXPECT_FALSE(Session::fromJson(Json{{"version", 1}, {"dark", "yes"}}, "s"));
    EXPECT_TRUE(Session::fromJson(Json{{"version", 1}}, "s"));
}

TEST(Session, TheWindowComesBackAsLeft) {
    testing::qtApplication();
    testing::TemporaryFolder folder;
    {
        CommandRegistry registry;
        MainWindow window(registry);
        auto* workspace = new NoteWorkspace;
        window.addWorkspace(workspace);
        window.setSessionFile(folder / "session.json");
        window.show();
        window.restoreSession(true);
        workspace->note = "remember me";
        workspace->left->hide();
        window.commands().run("theme.toggle");
        window.close();
    }
    EXPECT_FALSE(Theme::instance().isDark());
    CommandRegistry registry;
    MainWindow window(registry);
    auto* workspace = new NoteWorkspace;
    window.addWorkspace(workspace);
    window.setSessionFile(folder / "session.json");
    window.show();
    Theme::instance().setDark(true);
    window.restoreSession(true);
    EXPECT_EQ(workspace->note, "remember me");
    EXPECT_TRUE(workspace->left->isHidden());
    EXPECT_FALSE(Theme::instance().isDark());
    window.commands().run("view.resetLayout");
    EXPECT_FALSE(workspace->left->isHidden());
}

TEST(Session, TheLastProjectIsOpenedAgainUnlessItIsGone) {
    testing::qtApplication();
    testing::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "project");
    const auto start = [&](bool gone) {
        CommandRegistry registry;
        MainWindow window(registry);
        window.setSessionFile(folder / "session.json");
        window.restoreSession(true);
        if (!gone && window.commands().project().empty())
            window.setProject(folder / "project");
        window.close();
        return window.commands().project();
    };
    start(false);
    EXPECT_EQ(start(true), folder / "project");
    EXPECT_EQ(Session::load(folder / "session.json")->recent.front(), (folder / "project").string());
    std::filesystem::remove_all(folder / "project");
    EXPECT_TRUE(start(true).empty());
}

TEST(Session, TwoWindowsKeepWhatEachOpened) {
    testing::qtApplication();
    testing::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "a");
    std::filesystem::create_directories(folder / "b");
    CommandRegistry registries[2];
    MainWindow first(registries[0]), second(registries[1]);
    for (MainWindow* window : {&first, &second}) {
        window->setSessionFile(folder / "session.json");
        window->restoreSession(true);
    }
    first.setProject(folder / "a");
    second.setProject(folder / "b");
    first.commands().setShortcut("theme.toggle", QKeySequence("F7"));
    first.saveSession();
    second.saveSession();
    const auto kept = Session::load(folder / "session.json");
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->recent, (std::vector<std::string>{(folder / "b").string(), (folder / "a").string()}));
    EXPECT_EQ(kept->shortcuts["theme.toggle"], "F7") << "of the other window, which changed its keys";
}

TEST(Session, ADamagedFileIsSetAside) {
    testing::qtApplication();
    testing::TemporaryFolder folder;
    std::ofstream(folder / "session.json") << "{ broken";
    CommandRegistry registry;
    MainWindow window(registry);
    window.setSessionFile(folder / "session.json");
    window.restoreSession(true);
    EXPECT_TRUE(std::filesystem::exists(folder / "session.json.damaged"));
    EXPECT_EQ(window.toasts().visibleTexts().size(), 1);
}

}  // namespace
}  // namespace vitrine
