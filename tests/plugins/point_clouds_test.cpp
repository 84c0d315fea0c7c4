#include "core/base/file.h"
#include "core/plugins/plugin_manager.h"
#include "core/plugins/point_cloud_reader.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

namespace vitrine {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReaderHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily&) override {}
    void addUpsampler(const FeatureUpsampler&) override {}
    void addPointCloudReader(const PointCloudReader& reader) override {
        readers[reader.extensions.at(0)] = reader;
    }

    std::map<std::string, PointCloudReader> readers;
};

// By extension, through the plugin's library.
const PointCloudReader& readerFor(const std::string& extension) {
    static ReaderHost host = [] {
        testing::TemporaryFolder state;
        PluginManager plugins(state / "plugins.json");
        plugins.discover({testing::buildFolder() / "lib" / "plugins"});
        ReaderHost collected;
        plugins.load(collected, false);
        return collected;
    }();
    return host.readers.at(extension);
}

Result<PointCloud> readWith(const PointCloudReader& reader, const fs::path& file) {
    JobContext job;
    return reader.read(file, job);
}

Result<PointCloud> readAs(const std::string& extension, const std::string& content) {
    testing::TemporaryFolder folder;
    const fs::path file = folder / ("cloud" + extension);
    EXPECT_TRUE(writeFileAtomically(file, content));
    return readWith(readerFor(extension), file);
}

template <typename T>
std::string bytesOf(T value, bool swapped = false) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return swapped ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
}

// Where `camera` sees a point.
std::array<double, 2> projected(const CloudCamera& camera, const float* point) {
    double inCamera[3] = {0, 0, 0};
    for (size_t axis = 0; axis < 3; ++axis)
        for (size_t k = 0; k < 3; ++k)
            inCamera[axis] += camera.rotation[k * 3 + axis] * (double(point[k]) - camera.position[k]);
    return {camera.focalX * inCamera[0] / inCamera[2] + camera.centerX,
            camera.focalY * inCamera[1] / inCamera[2] + camera.centerY};
}

// The cloud's camera sees its points where the cloud says; pixels.
double largestCameraError(const PointCloud& cloud) {
    double largest = 0;
    for (size_t i = 0; i < cloud.pointCount(); ++i) {
        if (std::isnan(cloud.pixels[i * 2]))
            continue;
        const auto [u, v] = projected(*cloud.camera, &cloud.positions[i * 3]);
        largest = std::max({largest, std::abs(u - double(cloud.pixels[i * 2])),
                            std::abs(v - double(cloud.pixels[i * 2 + 1]))});
    }
    return largest;
}

int64_t pointsInside(const PointCloud& cloud, const Box3& box) {
    int64_t inside = 0;
    for (size_t i = 0; i < cloud.pointCount(); ++i) {
        bool in = true;
        for (size_t axis = 0; axis < 3; ++axis) {
            double along = 0;
            for (size_t k = 0; k < 3; ++k)
                along += box.rotation[k * 3 + axis] * (cloud.positions[i * 3 + k] - box.center[k]);
            in = in && std::abs(along) <= box.size[axis] / 2;
        }
        inside += in;
    }
    return inside;
}

// Cells of 5 cm that hold a point.
std::set<std::array<int, 3>> cells(const PointCloud& cloud) {
    std::set<std::array<int, 3>> found;
    for (size_t i = 0; i < cloud.pointCount(); i += 5)
        found.insert({int(std::floor(cloud.positions[i * 3] / 0.05f)),
                      int(std::floor(cloud.positions[i * 3 + 1] / 0.05f)),
                      int(std::floor(cloud.positions[i * 3 + 2] / 0.05f))});
    return found;
}

double overlap(const PointCloud& a, const PointCloud& b) {
    const auto cellsA = cells(a), cellsB = cells(b);
    size_t common = 0;
    for (const auto& cell : cellsA)
        common += cellsB.count(cell);
    return double(common) / double(cellsA.size());
}

std::string plyHeader(const std::string& format, const std::string& count) {
    return "ply\r\nformat " + format +
           " 1.0\ncomment made by hand\nelement camera 1\nproperty list uchar short ids\n" +
           "element vertex " + count +
           "\nproperty double x\nproperty float y\nproperty float z\nproperty list uchar int extra\n"
           "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty float "
           "intensity\nend_header\n";
}

std::string binaryPly(bool bigEndian) {
    std::string bytes = plyHeader(bigEndian ? "binary_big_endian" : "binary_little_endian", "2");
    bytes += bytesOf(uint8_t(2)) + bytesOf(int16_t(7), bigEndian) + bytesOf(int16_t(8), bigEndian);
    for (int point = 0; point < 2; ++point) {
        bytes += bytesOf(1.5 + point, bigEndian) + bytesOf(-2.f, bigEndian) + bytesOf(3.f, bigEndian);
        bytes += bytesOf(uint8_t(point));
        if (point)
            bytes += bytesOf(int32_t(99), bigEndian);
        bytes += std::string("\x0a\x14\xff", 3) + bytesOf(0.25f, bigEndian);
    }
    return bytes;
}

std::string pcd(const std::string& points, const std::string& data) {
    return "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z _ rgb intensity\nSIZE 4 4 4 1 4 4\nTYPE F F F U U "
           "F\nCOUNT 1 1 1 3 1 1\n"
           "WIDTH " +
           points + "\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS " + points + "\nDATA " + data + "\n";
}

std::string binaryPcd() {
    std::string bytes = pcd("2", "binary");
    for (int point = 0; point < 2; ++point)
        bytes += bytesOf(1.5f + float(point)) + bytesOf(-2.f) + bytesOf(3.f) + "abc" +
                 bytesOf(uint32_t(0x0a14ff)) + bytesOf(0.25f);
    return bytes;
}

void expectTwoPoints(const Result<PointCloud>& cloud) {
    ASSERT_TRUE(cloud) << cloud.error().text();
    EXPECT_THAT(cloud->positions, ElementsAre(1.5f, -2.f, 3.f, 2.5f, -2.f, 3.f));
    EXPECT_THAT(cloud->colors, ElementsAre(10, 20, 255, 10, 20, 255));
    EXPECT_THAT(cloud->intensities, ElementsAre(0.25f, 0.25f));
}

// Cut after every byte, and with every byte changed: an error or a cloud, never a crash.
void expectSurvivesDamage(const std::string& extension, const std::string& good, size_t headerBytes) {
    testing::TemporaryFolder folder;
    const fs::path file = folder / ("cloud" + extension);
    for (size_t size = 0; size < good.size(); ++size) {
        ASSERT_TRUE(writeFileAtomically(file, good.substr(0, size)));
        const auto cut = readWith(readerFor(extension), file);
        EXPECT_FALSE(cut) << "cut after " << size << " bytes";
        if (!cut && size > headerBytes) {
            EXPECT_THAT(cut.error().text(), HasSubstr("cut off"));
        }
    }
    for (size_t at = 0; at < good.size(); ++at) {
        std::string changed = good;
        changed[at] = char(changed[at] ^ 0x5b);
        ASSERT_TRUE(writeFileAtomically(file, changed));
        if (const auto read = readWith(readerFor(extension), file)) {
            EXPECT_LE(read->pointCount(), 2u);
        }
    }
}

}  // namespace

TEST(KittiReader, ProjectsPointsAndPlacesBoxes) {
    VITRINE_SHARED_DATA(data, "data/driving/kitti_object");
    const PointCloudReader& reader = readerFor(".bin");
    int64_t boxCount = 0;
    for (const char* name : {"000000", "000001"}) {
        const fs::path file = data / "velodyne" / (std::string(name) + ".bin");
        ASSERT_TRUE(reader.recognizes(file));
        const auto cloud = readWith(reader, file);
        ASSERT_TRUE(cloud) << cloud.error().text();
        EXPECT_EQ(cloud->pointCount(), fs::file_size(file) / 16);
        EXPECT_EQ(cloud->intensities.size(), cloud->pointCount());
        EXPECT_EQ(cloud->frame, "velodyne");
        EXPECT_EQ(cloud->picture, data / "image_2" / (std::string(name) + ".png"));
        ASSERT_EQ(cloud->pixels.size(), cloud->pointCount() * 2);
        ASSERT_TRUE(cloud->camera);
        EXPECT_LT(largestCameraError(*cloud), 0.01);
        EXPECT_NEAR(cloud->camera->position[1], 0.05, 0.03)
            << "the colour camera stands 6 cm left of the scanner's middle";
        EXPECT_EQ(reader.cloudOfPicture(*cloud->picture), file);
        EXPECT_FALSE(reader.cloudOfPicture(data / "image_2" / "999999.png"));
        int64_t ahead = 0, seen = 0, seenBehind = 0;
        for (size_t i = 0; i < cloud->pointCount(); ++i) {
            const bool visible = !std::isnan(cloud->pixels[i * 2]);
            // The camera opens to about 40 degrees on each side.
            const float x = cloud->positions[i * 3], y = cloud->positions[i * 3 + 1];
            ahead += x > 5 && std::abs(y) < 0.6f * x;
            seen += visible && x > 5 && std::abs(y) < 0.6f * x;
            seenBehind += visible && x < 0;
        }
        std::cout << name << ": " << seen << " of " << ahead << " points ahead are in the picture\n";
        EXPECT_GT(double(seen), 0.8 * double(ahead));
        EXPECT_EQ(seenBehind, 0);
        for (const Box3& box : cloud->boxes) {
            const int64_t inside = pointsInside(*cloud, box);
            std::cout << "  " << box.label << " at " << box.center[0] << " m: " << inside << " points\n";
            // A truck 70 m away has few; a pedestrian at 8 m has hundreds.
            EXPECT_GE(inside, box.center[0] < 10 ? 100 : 5) << box.label;
            EXPECT_NEAR(box.rotation[8], 1, 0.01) << "boxes stand upright";
            ++boxCount;
        }
    }
    EXPECT_EQ(boxCount, 4) << "regions without a place are left out";
}

TEST(KittiReader, RefusesDamagedFilesAndNamesThem) {
    EXPECT_EQ(readAs(".bin", "").error().code, ErrorCode::InvalidFile);
    EXPECT_THAT(readAs(".bin", std::string(17, 'a')).error().text(), HasSubstr("whole number of points"));
    testing::TemporaryFolder folder;
    for (const char* name : {"velodyne", "calib"})
        fs::create_directories(folder / name);
    const fs::path scan = folder / "velodyne" / "1.bin", calibration = folder / "calib" / "1.txt";
    ASSERT_TRUE(writeFileAtomically(scan, bytesOf(1.f) + bytesOf(2.f) + bytesOf(3.f) + bytesOf(.5f) +
                                              bytesOf(NAN) + bytesOf(2.f) + bytesOf(3.f) + bytesOf(.5f)));
    const auto alone = readWith(readerFor(".bin"), scan);
    ASSERT_TRUE(alone) << alone.error().text();
    EXPECT_EQ(alone->pointCount(), 1u) << "the one that is not a number is left out";
    EXPECT_TRUE(alone->pixels.empty());
    for (const char* content : {"", "P2: 1 2 3\n",
                                "P2: 1 0 0 0 0 1 0 0 0 0 1 0\nR0_rect: 9 0 0 0 9 0 0 0 9\nTr_velo_to_cam: 1 "
                                "0 0 0 0 1 0 0 0 0 1 0\n"}) {
        ASSERT_TRUE(writeFileAtomically(calibration, content));
        const auto read = readWith(readerFor(".bin"), scan);
        ASSERT_FALSE(read) << content;
        EXPECT_THAT(read.error().where, HasSubstr("calib/1.txt"));
    }
    EXPECT_FALSE(readerFor(".bin").recognizes("/models/pytorch_model.bin"));
}

TEST(RgbdReader, FramesOfOneRoomOverlap) {
    VITRINE_SHARED_DATA(data, "data/rgbd/seven_scenes");
    const PointCloudReader& reader = readerFor(".png");
    ASSERT_TRUE(reader.recognizes(data / "frame-000000.depth.png"));
    EXPECT_FALSE(reader.recognizes(data / "frame-000000.color.png"));
    const auto first = readWith(reader, data / "frame-000000.depth.png");
    const auto next = readWith(reader, data / "frame-000040.depth.png");
    ASSERT_TRUE(first) << first.error().text();
    ASSERT_TRUE(next) << next.error().text();
    EXPECT_GT(first->pointCount(), 200000u);
    EXPECT_EQ(first->colors.size(), first->positions.size());
    EXPECT_EQ(first->pixels.size(), first->pointCount() * 2);
    EXPECT_EQ(first->frame, "world");
    ASSERT_TRUE(first->camera);
    EXPECT_LT(largestCameraError(*first), 0.01);
    for (const char* name : {"frame-000000.color.jpg", "frame-000000.depth.png"})
        EXPECT_EQ(reader.cloudOfPicture(data / name), data / "frame-000000.depth.png");
    EXPECT_FALSE(reader.cloudOfPicture(data / "frame-000001.color.jpg"));
    const double share = overlap(*first, *next);
    // The same cloud as if the camera had stood half a metre aside.
    PointCloud moved = *next;
    for (size_t i = 0; i < moved.positions.size(); i += 3)
        moved.positions[i] += 0.5f;
    std::cout << "common cells: " << share << ", moved by half a metre: " << overlap(*first, moved) << "\n";
    EXPECT_GT(share, 0.4);
    EXPECT_LT(overlap(*first, moved), 0.6 * share);
}

TEST(RgbdReader, NamesWhatIsMissingOrDamaged) {
    VITRINE_SHARED_DATA(data, "data/rgbd/seven_scenes");
    testing::TemporaryFolder folder;
    const fs::path depth = folder / "frame-000000.depth.png";
    fs::copy_file(data / "frame-000000.depth.png", depth);
    const auto expectProblemWith = [&](const char* file) {
        const auto read = readWith(readerFor(".png"), depth);
        ASSERT_FALSE(read);
        EXPECT_THAT(read.error().where, HasSubstr(file));
    };
    expectProblemWith("pose.txt");
    ASSERT_TRUE(writeFileAtomically(folder / "frame-000000.pose.txt", "nan nan nan nan"));
    expectProblemWith("pose.txt");
    ASSERT_TRUE(writeFileAtomically(folder / "frame-000000.pose.txt", "2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1"));
    expectProblemWith("pose.txt");
    ASSERT_TRUE(writeFileAtomically(folder / "frame-000000.pose.txt", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"));
    expectProblemWith("camera-intrinsics.txt");
    ASSERT_TRUE(writeFileAtomically(folder / "camera-intrinsics.txt", "585 0 320 0 585 240 0 0 1"));
    const auto read = readWith(readerFor(".png"), depth);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_TRUE(read->colors.empty());
}

TEST(PlyReader, ReadsAsciiAndBothByteOrders) {
    expectTwoPoints(readAs(".ply", plyHeader("ascii", "2") +
                                       "2 7 8\n1.5 -2 3 0 10 20 255 .25\n+2.5 -2e0 3 1 99 10 20 255 0.25\n"));
    expectTwoPoints(readAs(".ply", binaryPly(false)));
    expectTwoPoints(readAs(".ply", binaryPly(true)));
}

TEST(PlyReader, SurvivesDamage) {
    const std::string good = binaryPly(false);
    expectSurvivesDamage(".ply", good, good.find("end_header") + 11);
    for (const char* count : {"1000000000000", "-1", "1e300", "2.5", "many"})
        EXPECT_EQ(readAs(".ply", plyHeader("ascii", count) + "0\n1 2 3 0 1 1 1 1\n").error().code,
                  ErrorCode::InvalidFile);
    EXPECT_FALSE(
        readAs(".ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n"));
    EXPECT_FALSE(readAs(".ply", "ply\nformat ascii 1.0\nelement vertex 99999999999\nend_header\n"));
}

TEST(PlyReader, TellsHowFarItIsAndStopsWhenAsked) {
    testing::TemporaryFolder folder;
    const fs::path file = folder / "large.ply";
    constexpr int kPoints = 300'000;
    ASSERT_TRUE(writeFileAtomically(
        file, fmt::format("ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\n"
                          "property float y\nproperty float z\nend_header\n",
                          kPoints) +
                  std::string(kPoints * 12, '\0')));
    std::stop_source stop;
    int64_t reports = 0;
    JobContext job(stop.get_token(), [&](const Progress& progress) {
        ++reports;
        EXPECT_EQ(progress.total, kPoints);
    });
    ASSERT_TRUE(readerFor(".ply").read(file, job));
    EXPECT_GT(reports, 0);
    stop.request_stop();
    const auto stopped = readerFor(".ply").read(file, job);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
}

TEST(PcdReader, ReadsAsciiAndBinary) {
    expectTwoPoints(
        readAs(".pcd", pcd("2", "ascii") + "1.5 -2 3 1 1 1 660735 .25\n2.5 -2 3 1 1 1 660735 0.25\n"));
    expectTwoPoints(readAs(".pcd", binaryPcd()));
}

TEST(PcdReader, RefusesCompressedFilesWithAHint) {
    const auto read = readAs(".pcd", pcd("2", "binary_compressed") + "xxxxxxxx");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(read.error().hint, HasSubstr("uncompressed"));
}

TEST(PcdReader, SurvivesDamage) {
    const std::string good = binaryPcd();
    expectSurvivesDamage(".pcd", good, good.find("DATA binary") + 12);
    for (const char* count : {"1000000000000", "-1", "1e300", "2.5", "many"})
        EXPECT_EQ(readAs(".pcd", pcd(count, "ascii") + "1 2 3 4 5 6 7 8\n").error().code,
                  ErrorCode::InvalidFile);
}

}  // namespace vitrine
