#include "app/desktop/inspect/clouds/cloud_controller.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/shell/job_list.h"

#include <gtest/gtest.h>

#include <QSignalSpy>
#include <QTest>

namespace vitrine {
namespace {
namespace fs = std::filesystem;

QString text(const fs::path& path) {
    return QString::fromStdString(path.string());
}

class CloudControllerTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        static const testing::TemporaryFolder state;
        ::setenv("VITRINE_STATE_DIR", state.path().c_str(), 1);
        ::setenv("VITRINE_PLUGIN_PATH", (testing::buildFolder() / "lib" / "plugins").c_str(), 1);
    }
    void waitUntilIdle() {
        ASSERT_TRUE(testing::waitUntil([this] { return !controller.isBusy(); }, 20'000));
    }
    fs::path write(const std::string& name, const std::string& content) {
        EXPECT_TRUE(writeFileAtomically(folder / name, content));
        return folder / name;
    }
    fs::path plyOf(const std::string& name, int points) {
        std::string content = fmt::format(
            "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float "
            "z\nend_header\n",
            points);
        for (int point = 0; point < points; ++point)
            content += fmt::format("{} {} {}\n", point, point % 7, point % 3);
        return write(name, content);
    }

    testing::TemporaryFolder folder;
    JobList jobs;
    CloudController controller{jobs};
};

}  // namespace

TEST(CloudStyle, RoundTripsAndKeepsDefaultsForNonsense) {
    const CloudStyle style{.coloring = CloudColoring::Distance,
                           .colorMap = ColorMap::Magma,
                           .clipPercent = 5,
                           .pointSize = 4,
                           .up = UpAxis::MinusY,
                           .grid = false,
                           .boxes = false};
    EXPECT_EQ(CloudStyle::fromJson(style.toJson()), style);
    EXPECT_EQ(CloudStyle::fromJson(CloudStyle().toJson()), CloudStyle());
    EXPECT_EQ(CloudStyle::fromJson(Json::parse(R"({"coloring": 3, "pointSize": "x", "up": [], "grid": 1})")),
              CloudStyle());
    EXPECT_EQ(CloudStyle::fromJson(Json("text")), CloudStyle());
    EXPECT_EQ(CloudStyle::fromJson(Json{{"pointSize", 1e9}}).pointSize, 20);
}

TEST(CloudStyle, FallsBackToWhatTheCloudHas) {
    PointCloud cloud;
    cloud.positions = {1, 2, 3};
    CloudStyle style;
    style.coloring = CloudColoring::Intensity;
    EXPECT_EQ(style.optionsFor(cloud).coloring, CloudColoring::Height);
    cloud.intensities = {1};
    EXPECT_EQ(style.optionsFor(cloud).coloring, CloudColoring::Intensity);
}

TEST_F(CloudControllerTest, ReadsOnlyWhatSomebodySees) {
    QSignalSpy available(&controller, &CloudController::available);
    controller.open(text(plyOf("a.ply", 10)));
    waitUntilIdle();
    EXPECT_EQ(available.count(), 1);
    EXPECT_FALSE(controller.loaded());
    controller.setActive(true);
    EXPECT_EQ(jobs.jobs().size(), 1);
    waitUntilIdle();
    ASSERT_TRUE(controller.loaded());
    EXPECT_EQ(controller.loaded()->points->pointCount(), 10u);
    EXPECT_TRUE(controller.drawn().geometry);
    EXPECT_EQ(controller.drawn().colors->title, "height");
    EXPECT_TRUE(jobs.jobs().isEmpty());
}

TEST_F(CloudControllerTest, TheLatestWins) {
    controller.setActive(true);
    for (int index = 0; index < 8; ++index)
        controller.open(text(plyOf("cloud" + std::to_string(index) + ".ply", 1000 + index)));
    waitUntilIdle();
    ASSERT_TRUE(controller.loaded());
    EXPECT_EQ(controller.loaded()->points->pointCount(), 1007u);
    EXPECT_TRUE(jobs.jobs().isEmpty());
}

TEST_F(CloudControllerTest, SaysWhatIsWrongWithAHostileFileAndGoesOn) {
    QSignalSpy failed(&controller, &CloudController::failed);
    controller.setActive(true);
    controller.open(
        text(write("bad.ply", "ply\nformat ascii 1.0\nelement vertex 99999999999\nend_header\n")));
    waitUntilIdle();
    ASSERT_EQ(failed.count(), 1);
    EXPECT_TRUE(failed[0][0].toString().contains("bad.ply"));
    EXPECT_FALSE(controller.loaded());
    EXPECT_FALSE(controller.error().isEmpty());
    controller.open(text(plyOf("good.ply", 3)));
    waitUntilIdle();
    EXPECT_TRUE(controller.loaded());
    EXPECT_TRUE(controller.error().isEmpty());
}

TEST_F(CloudControllerTest, AStyleChangedWhileReadingIsTaken) {
    controller.setActive(true);
    controller.open(text(plyOf("a.ply", 5000)));
    CloudStyle style;
    style.coloring = CloudColoring::Distance;
    style.up = UpAxis::PlusY;
    controller.setStyle(style);
    waitUntilIdle();
    EXPECT_EQ(controller.drawn().colors->title, "distance");
    EXPECT_EQ(controller.drawn().up, UpAxis::PlusY);
    // Colours alone leave the geometry as it is.
    const auto geometry = controller.drawn().geometry;
    style.colorMap = ColorMap::Grey;
    controller.setStyle(style);
    waitUntilIdle();
    EXPECT_EQ(controller.drawn().geometry, geometry);
    EXPECT_EQ(controller.drawn().colors->colorMap, ColorMap::Grey);
}

TEST_F(CloudControllerTest, TheCloudFollowsItsPicture) {
    VITRINE_SHARED_DATA(data, "data/driving/kitti_object");
    controller.setActive(true);
    controller.setPicture(text(data / "image_2" / "000001.png"));
    waitUntilIdle();
    ASSERT_TRUE(controller.loaded());
    EXPECT_EQ(controller.file(), text(data / "velodyne" / "000001.bin"));
    EXPECT_TRUE(controller.openedFile().isEmpty());
    EXPECT_TRUE(controller.isLinked());
    EXPECT_EQ(controller.drawn().colors->title, "picture");
    // There and back: the point found at a point's pixel is seen at that pixel, or hides it.
    int tried = 0;
    for (size_t point = 0; point < controller.loaded()->points->pointCount(); point += 997)
        if (const auto pixel = controller.pictureFromPoint(point)) {
            const auto found = controller.pointFromPicture(*pixel);
            ASSERT_TRUE(found);
            const QPointF away = *controller.pictureFromPoint(*found) - *pixel;
            EXPECT_LE(std::hypot(away.x(), away.y()), 1.0);
            EXPECT_LE(distanceOf(*controller.loaded()->points, *found),
                      distanceOf(*controller.loaded()->points, point) + 1e-4);
            ++tried;
        }
    EXPECT_GT(tried, 5);
    EXPECT_FALSE(controller.pointFromPicture({600, 5})) << "the sky has no points";
    // A picture without a cloud.
    controller.setPicture("/no/such/picture.png");
    waitUntilIdle();
    EXPECT_FALSE(controller.loaded());
    EXPECT_FALSE(controller.isLinked());
}

TEST_F(CloudControllerTest, AnOpenedScanNamesItsPicture) {
    VITRINE_SHARED_DATA(data, "data/driving/kitti_object");
    QSignalSpy wanted(&controller, &CloudController::pictureWanted);
    controller.setActive(true);
    controller.open(text(data / "velodyne" / "000000.bin"));
    waitUntilIdle();
    ASSERT_EQ(wanted.count(), 1);
    EXPECT_EQ(wanted[0][0].toString(), text(data / "image_2" / "000000.png"));
    EXPECT_FALSE(controller.isLinked()) << "another picture is shown";
    const auto before = controller.loaded();
    controller.setPicture(wanted[0][0].toString());
    waitUntilIdle();
    EXPECT_EQ(controller.loaded(), before) << "it is not read again";
    EXPECT_TRUE(controller.isLinked());
}

TEST_F(CloudControllerTest, SavesWhatItShows) {
    QSignalSpy saved(&controller, &CloudController::saved), failed(&controller, &CloudController::failed);
    controller.setActive(true);
    controller.open(text(plyOf("a.ply", 20)));
    waitUntilIdle();
    controller.savePly(text(folder / "b.ply"));
    waitUntilIdle();
    ASSERT_EQ(saved.count(), 1);
    controller.savePly(text(folder / "no" / "b.ply"));
    waitUntilIdle();
    EXPECT_EQ(failed.count(), 1);
    controller.open(text(folder / "b.ply"));
    waitUntilIdle();
    ASSERT_TRUE(controller.loaded());
    EXPECT_EQ(controller.loaded()->points->pointCount(), 20u);
    EXPECT_TRUE(controller.loaded()->points->colors.empty()) << "heights are no colours";
}

}  // namespace vitrine
