#include "core/clouds/cloud_readers.h"

#include "core/base/file.h"
#include "core/clouds/ply_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace vitrine {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

// The plugins of the build, with a state of their own. Skips where none was built.
#define NEEDS_READERS()                                                                       \
    static const testing::TemporaryFolder pluginState;                                        \
    ::setenv("VITRINE_STATE_DIR", fs::path(pluginState / "").c_str(), 1);                     \
    ::setenv("VITRINE_PLUGIN_PATH", (testing::buildFolder() / "lib" / "plugins").c_str(), 1); \
    if (pointCloudReaders().empty())                                                          \
    GTEST_SKIP() << "the plugin for point clouds was not built"

Result<PointCloud> read(const fs::path& file) {
    JobContext job;
    return readPointCloud(file, job);
}

}  // namespace

TEST(CloudReaders, WhatIsWrittenIsRead) {
    NEEDS_READERS();
    PointCloud cloud;
    cloud.positions = {1, -2, 3.5f, 4, 5, 6e-3f};
    cloud.intensities = {0.25f, 1};
    cloud.frame = "velodyne\nelement evil 9";
    const std::vector<uint8_t> rgb{1, 2, 3, 250, 251, 252};
    testing::TemporaryFolder folder;
    JobContext job;
    ASSERT_TRUE(writePly(folder / "cloud.ply", cloud, rgb, job));
    const auto back = read(folder / "cloud.ply");
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(back->positions, cloud.positions);
    EXPECT_EQ(back->colors, rgb);
    EXPECT_EQ(back->intensities, cloud.intensities);
    ASSERT_TRUE(writePly(folder / "bare.ply", cloud, {}, job));
    EXPECT_TRUE(read(folder / "bare.ply")->colors.empty());
    EXPECT_EQ(writePly(folder / "no" / "such" / "folder.ply", cloud, {}, job).error().code,
              ErrorCode::NotFound);
}

TEST(CloudReaders, StoppedWritingLeavesNoFile) {
    PointCloud cloud;
    cloud.positions.assign(3 * 200'000, 1);
    testing::TemporaryFolder folder;
    std::stop_source stop;
    stop.request_stop();
    JobContext job(stop.get_token(), {});
    EXPECT_EQ(writePly(folder / "cloud.ply", cloud, {}, job).error().code, ErrorCode::Cancelled);
    EXPECT_TRUE(fs::is_empty(folder / ""));
}

TEST(CloudReaders, NamesWhatIsWrong) {
    NEEDS_READERS();
    testing::TemporaryFolder folder;
    EXPECT_EQ(read(folder / "none.ply").error().code, ErrorCode::NotFound);
    ASSERT_TRUE(writeFileAtomically(folder / "model.bin", "0123456789abcdef"));
    const auto unknown = read(folder / "model.bin");
    EXPECT_EQ(unknown.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(unknown.error().hint, HasSubstr(".ply"));
    ASSERT_TRUE(writeFileAtomically(folder / "broken.PLY", "ply\nformat"));
    EXPECT_EQ(read(folder / "broken.PLY").error().code, ErrorCode::InvalidFile);
    ASSERT_TRUE(
        writeFileAtomically(folder / "empty.ply",
                            "ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float "
                            "y\nproperty float z\nend_header\n"));
    EXPECT_THAT(read(folder / "empty.ply").error().text(), HasSubstr("no point"));
}

TEST(CloudReaders, FindsCloudsInFoldersAndOfPictures) {
    NEEDS_READERS();
    VITRINE_SHARED_DATA(data, "data");
    const auto scans = listPointClouds(data / "driving" / "kitti_object");
    ASSERT_EQ(scans.size(), 2u);
    EXPECT_EQ(scans[0].filename(), "000000.bin");
    EXPECT_EQ(cloudOfPicture(data / "driving" / "kitti_object" / "image_2" / "000001.png"), scans[1]);
    EXPECT_EQ(listPointClouds(data / "rgbd" / "seven_scenes").size(), 8u);
    EXPECT_TRUE(listPointClouds(data / "images" / "photos").empty());
    EXPECT_FALSE(cloudOfPicture(data / "images" / "photos" / "truck.jpg"));
    EXPECT_TRUE(listPointClouds(data / "no such folder").empty());
}

}  // namespace vitrine
