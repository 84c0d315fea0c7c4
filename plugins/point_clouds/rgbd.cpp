// RGB-D frames as 7-Scenes names them (Shotton et al. 2013).
#include "core/base/file.h"
#include "core/media/depth_reader.h"
#include "plugins/point_clouds/readers.h"
#include "plugins/point_clouds/rigid.h"
#include "plugins/point_clouds/text_numbers.h"

#include <algorithm>

namespace vitrine::clouds {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kDepthEnding = ".depth.png";
constexpr size_t kMaxTextBytes = size_t(1) << 20;
constexpr float kNoDepth = 65.535f;  // the largest 16-bit value marks "nothing measured", as 0 does
constexpr double kRotationTolerance = 1e-2;

struct Intrinsics {
    double focalX, focalY, centerX, centerY;
};

bool isFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

bool isDepthName(const fs::path& path) {
    const std::string name = path.filename().string();
    return name.size() > kDepthEnding.size() && name.ends_with(kDepthEnding);
}

fs::path neighbour(const fs::path& depth, std::string_view ending) {
    std::string name = depth.filename().string();
    name.resize(name.size() - kDepthEnding.size());
    return depth.parent_path() / (name + std::string(ending));
}

Result<std::vector<double>> readMatrix(const fs::path& path, size_t count) {
    VITRINE_TRY(const std::string text, readFile(path, kMaxTextBytes));
    VITRINE_TRY(auto numbers, finiteNumbers(text, path.string()));
    if (numbers.size() != count)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("expected {} numbers, found {}", count, numbers.size()), path.string());
    return numbers;
}

Result<Rigid> readPose(const fs::path& path) {
    VITRINE_TRY(const auto m, readMatrix(path, 16));
    Rigid pose;
    for (size_t i = 0; i < 9; ++i)
        pose.rotation[i] = m[i / 3 * 4 + i % 3];
    pose.translation = {m[3], m[7], m[11]};
    if (!isRotation(pose.rotation, kRotationTolerance) || m[12] != 0 || m[13] != 0 || m[14] != 0 ||
        m[15] != 1)
        return fail(ErrorCode::InvalidFile, "the pose is no rotation and translation", path.string());
    return pose;
}

Result<Intrinsics> readIntrinsics(const fs::path& folder) {
    fs::path path = folder / "camera-intrinsics.txt";
    if (!isFile(path) && isFile(folder.parent_path() / "camera-intrinsics.txt"))
        path = folder.parent_path() / "camera-intrinsics.txt";
    if (!isFile(path))
        return fail(ErrorCode::NotFound, "there are no camera intrinsics", path.string(),
                    "Write the 3 x 3 camera matrix there; 7-Scenes states a focal length of 585 and the "
                    "centre 320, 240");
    VITRINE_TRY(const auto k, readMatrix(path, 9));
    if (!(k[0] > 0) || !(k[4] > 0))
        return fail(ErrorCode::InvalidFile, "the focal lengths are not positive", path.string());
    return Intrinsics{k[0], k[4], k[2], k[5]};
}

// The colour picture's pixel (x, y) belongs to the depth's pixel (x, y): frames are registered.
void appendPoint(PointCloud& cloud, int64_t x, int64_t y, const Vector3& position, const Image& color) {
    for (const double coordinate : position)
        cloud.positions.push_back(float(coordinate));
    cloud.pixels.push_back(float(x));
    cloud.pixels.push_back(float(y));
    if (color.empty())
        return;
    const uint8_t* sample = color.row<uint8_t>(y) + x * 3;
    cloud.colors.insert(cloud.colors.end(), sample, sample + 3);
}

Result<Image> readColor(const fs::path& path, ImageSize expected) {
    VITRINE_TRY(const Image stored, readImage(path));
    if (stored.size() != expected)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the picture has {} x {} pixels, the depth map {} x {}", stored.width(),
                                stored.height(), expected.width, expected.height),
                    path.string(), "Colour and depth must be registered to each other");
    return stored.toRgb8();
}

Result<PointCloud> readFrame(const fs::path& path, JobContext& job) {
    if (!isDepthName(path))
        return fail(ErrorCode::InvalidArgument, "a depth map's name ends in \".depth.png\"", path.string());
    job.beginStage("reading the depth map", 0);
    VITRINE_TRY(const Image depth, readDepth(path));
    VITRINE_TRY(const Rigid worldFromCamera, readPose(neighbour(path, ".pose.txt")));
    VITRINE_TRY(const Intrinsics camera, readIntrinsics(path.parent_path()));
    PointCloud cloud;
    cloud.frame = "world";
    cloud.camera = {.rotation = worldFromCamera.rotation,
                    .position = worldFromCamera.translation,
                    .focalX = camera.focalX,
                    .focalY = camera.focalY,
                    .centerX = camera.centerX,
                    .centerY = camera.centerY,
                    .width = depth.width(),
                    .height = depth.height()};
    for (const std::string_view ending : {".color.png", ".color.jpg"})
        if (isFile(neighbour(path, ending)))
            cloud.picture = neighbour(path, ending);
    Image color;
    if (cloud.picture) {
        VITRINE_TRY(color, readColor(*cloud.picture, depth.size()));
    }
    for (int64_t y = 0; y < depth.height(); ++y)
        for (int64_t x = 0; x < depth.width(); ++x) {
            const float metres = depth.row<float>(y)[x];
            if (!(metres > 0) || !(metres < kNoDepth))
                continue;
            const Vector3 inCamera{(double(x) - camera.centerX) / camera.focalX * metres,
                                   (double(y) - camera.centerY) / camera.focalY * metres, metres};
            appendPoint(cloud, x, y, worldFromCamera.apply(inCamera), color);
        }
    return cloud;
}

// Of the colour picture, and of the depth map itself.
std::optional<fs::path> cloudOfPicture(const fs::path& picture) {
    std::string name = picture.filename().string();
    for (const std::string_view ending : {".color.png", ".color.jpg"})
        if (name.size() > ending.size() && name.ends_with(ending))
            name.replace(name.size() - ending.size(), ending.size(), kDepthEnding);
    const fs::path depth = picture.parent_path() / name;
    return isDepthName(depth) && isFile(depth) && isFile(neighbour(depth, ".pose.txt")) ? std::optional(depth)
                                                                                        : std::nullopt;
}

bool recognizes(const fs::path& path) {
    return isDepthName(path) && isFile(neighbour(path, ".pose.txt"));
}

}  // namespace

PointCloudReader rgbdReader() {
    return {"RGB-D frame (7-Scenes)", {".png"}, recognizes, readFrame, cloudOfPicture};
}

}  // namespace vitrine::clouds
