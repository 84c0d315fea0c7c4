#include "app/desktop/inspect/inspect_state.h"
#include "app/desktop/inspect/inspect_workspace.h"
#include "core/base/file.h"
#include "core/media/image_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/shell/main_window.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

class InspectSession : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        static const testing::TemporaryFolder folder;
        ::setenv("VITRINE_CACHE_DIR", (folder / "cache").c_str(), 1);
    }
    void SetUp() override {
        for (const char* name : {"a.png", "b.png"}) {
            Image image({40, 30}, 3, SampleType::U8);
            ASSERT_TRUE(writeImage(folder / name, image));
        }
    }
    QString path(const char* name) const { return QString::fromStdString((folder / name).string()); }

    testing::TemporaryFolder folder;
};

// A window with the workspace in it. Nothing is painted: OpenGL is not needed.
struct OpenWindow {
    CommandRegistry registry;
    MainWindow window{registry};
    InspectWorkspace* inspect = new InspectWorkspace(&window);

    OpenWindow() { window.addWorkspace(inspect); }
    void waitUntilIdle() {
        ASSERT_TRUE(testing::waitUntil([this] { return !inspect->isBusy(); }, 10'000));
    }
};

}  // namespace

TEST_F(InspectSession, PanAndZoomComeBack) {
    const Camera camera{{12.5, 7.25}, 6, false};
    Json session;
    {
        OpenWindow first;
        first.inspect->openPath(path("a.png"));
        first.waitUntilIdle();
        first.inspect->link().setCamera(camera);
        session = first.inspect->saveSession();
    }
    OpenWindow second;
    second.inspect->restoreSession(session);
    // Closed at once: the camera is not lost with the picture unread.
    EXPECT_EQ(second.inspect->saveSession()["camera"], session["camera"]);
    second.waitUntilIdle();
    EXPECT_EQ(second.inspect->link().camera(), camera);
    EXPECT_EQ(second.inspect->saveSession()["camera"], session["camera"]);
    // It is of that picture: the next one is shown whole.
    second.inspect->openPath(path("b.png"));
    second.waitUntilIdle();
    EXPECT_TRUE(second.inspect->link().camera().fitted);
    EXPECT_TRUE(second.inspect->saveSession()["camera"].is_null());
}

TEST_F(InspectSession, APictureThatIsGoneLeavesTheNextOneWhole) {
    OpenWindow window;
    window.inspect->restoreSession({{"pictures", {path("gone.png").toStdString()}},
                                    {"current", path("gone.png").toStdString()},
                                    {"camera", {1, 2, 3}}});
    window.waitUntilIdle();
    window.inspect->openPath(path("a.png"));
    window.waitUntilIdle();
    EXPECT_TRUE(window.inspect->link().camera().fitted);
}

TEST(CameraJson, RefusesWhatNoViewSaved) {
    const Camera camera{{3, -4}, 0.5, false};
    EXPECT_EQ(cameraFromJson(cameraToJson(camera)), camera);
    EXPECT_FALSE(cameraFromJson(cameraToJson(Camera{})));
    for (const char* text : {"[1, 2]", "[1, 2, 0]", "[1, 2, -3]", "[1, \"2\", 3]", "{}", "7"})
        EXPECT_FALSE(cameraFromJson(Json::parse(text))) << text;
}

TEST(InspectState, UpsamplersInTheFolderOfAModelAreFound) {
    const testing::TemporaryFolder model;
    const auto put = [&](const char* folder, const std::string& config) {
        std::filesystem::create_directories(model / folder);
        ASSERT_TRUE(writeFileAtomically(model / folder / "config.json", config));
    };
    put("sharper", R"({"upsample_factor": 2})");
    put("a_model", R"({"model_type": "radio"})");
    put("broken", "{");
    std::filesystem::create_directories(model / "empty");
    EXPECT_EQ(upsamplersInside(model.path()), std::vector<std::string>{(model / "sharper").string()});
    EXPECT_TRUE(upsamplersInside(model / "sharper" / "config.json").empty());
    EXPECT_TRUE(upsamplersInside(model / "absent").empty());
}

}  // namespace vitrine
