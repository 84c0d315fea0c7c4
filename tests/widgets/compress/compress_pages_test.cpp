// Commands that choose a page of the Compress workspace, as the palette of any other workspace runs them.
#include "app/desktop/compress/compress_workspace.h"
#include "tests/widgets/other_workspace.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/shell/main_window.h"

#include <gtest/gtest.h>

#include <QTabWidget>

namespace vitrine {
namespace {

TEST(CompressPages, CommandsBringTheirPageAndTheWorkspaceToTheFront) {
    testing::qtApplication();
    CommandRegistry registry;
    MainWindow window(registry);
    window.addWorkspace(new testing::OtherWorkspace);
    auto* compress = new CompressWorkspace(&window);
    window.addWorkspace(compress);
    const auto* pages = compress->findChild<QTabWidget*>("compressPages");
    ASSERT_TRUE(pages);
    const auto shown = [&](const char* command, const Json& arguments) {
        window.showWorkspace("other");
        EXPECT_TRUE(window.commands().run(command, arguments)) << command;
        EXPECT_EQ(window.currentWorkspace(), compress) << command << arguments.dump();
        return pages->tabText(pages->currentIndex());
    };
    EXPECT_EQ(shown("compress.page", {{"name", "masks"}}), "Masks");
    EXPECT_EQ(shown("compress.page", Json::object()), "Results");
    EXPECT_EQ(shown("compress.layers", Json::object()), "Layers");
    EXPECT_EQ(shown("compress.structures", Json::object()), "Structures");
    window.showWorkspace("other");
    EXPECT_FALSE(window.commands().run("compress.page", {{"name", "nowhere"}}));
    EXPECT_EQ(window.currentWorkspace()->name(), "other") << "nothing was chosen";
}

}  // namespace
}  // namespace vitrine
