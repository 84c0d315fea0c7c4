// KITTI object detection (Geiger et al. 2012; development kit readme: file formats, projection and the box
// frame).
#include "core/base/file.h"
#include "core/media/image_header.h"
#include "plugins/point_clouds/readers.h"
#include "plugins/point_clouds/rigid.h"
#include "plugins/point_clouds/text_numbers.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

namespace vitrine::clouds {
namespace {
namespace fs = std::filesystem;

constexpr size_t kBytesPerPoint = 16;  // x, y, z, reflectance
constexpr size_t kMaxTextBytes = size_t(16) << 20;
constexpr double kRotationTolerance = 1e-3;

struct Calibration {
    std::array<double, 12> projection{};  // P2: left colour picture from rectified camera
    Rigid cameraFromVelodyne;             // rectified camera
};

fs::path neighbour(const fs::path& scan, const char* folder, const char* extension) {
    fs::path file = scan.parent_path().parent_path() / folder / scan.stem();
    file += extension;
    return file;
}

bool isFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

Result<std::vector<double>> matrix(const std::map<std::string, std::string, std::less<>>& rows,
                                   std::string_view key, size_t count, const std::string& where) {
    const auto found = rows.find(key);
    if (found == rows.end())
        return fail(ErrorCode::InvalidFile, fmt::format("has no matrix \"{}\"", key), where);
    VITRINE_TRY(auto numbers, finiteNumbers(found->second, fmt::format("{}: {}", where, key)));
    if (numbers.size() != count)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("expected {} numbers in \"{}\", found {}", count, key, numbers.size()),
                    where);
    return numbers;
}

Result<Calibration> readCalibration(const fs::path& path) {
    const std::string where = path.string();
    VITRINE_TRY(const std::string content, readFile(path, kMaxTextBytes));
    std::map<std::string, std::string, std::less<>> rows;
    for (std::string_view text = content; !text.empty();) {
        const std::string_view line = nextLine(text);
        if (const size_t colon = line.find(':'); colon != std::string_view::npos)
            rows.emplace(line.substr(0, colon), line.substr(colon + 1));
    }
    VITRINE_TRY(const auto projection, matrix(rows, "P2", 12, where));
    VITRINE_TRY(const auto rectification, matrix(rows, "R0_rect", 9, where));
    VITRINE_TRY(const auto velodyne, matrix(rows, "Tr_velo_to_cam", 12, where));
    if (!(projection[0] > 0) || !(projection[5] > 0))
        return fail(ErrorCode::InvalidFile, "the focal lengths in \"P2\" are not positive", where);
    Calibration calibration;
    std::copy(projection.begin(), projection.end(), calibration.projection.begin());
    Matrix3 rectify, turn;
    std::copy(rectification.begin(), rectification.end(), rectify.begin());
    for (size_t i = 0; i < 9; ++i)
        turn[i] = velodyne[i / 3 * 4 + i % 3];
    if (!isRotation(rectify, kRotationTolerance) || !isRotation(turn, kRotationTolerance))
        return fail(ErrorCode::InvalidFile, "R0_rect or Tr_velo_to_cam is no rotation", where);
    calibration.cameraFromVelodyne.rotation = multiply(rectify, turn);
    calibration.cameraFromVelodyne.translation =
        multiply(rectify, Vector3{velodyne[3], velodyne[7], velodyne[11]});
    return calibration;
}

// A box's own axes: x along its length, y along its width, z up.
Box3 boxInVelodyne(std::string_view label, const std::vector<double>& numbers,
                   const Rigid& velodyneFromCamera) {
    const double height = numbers[7], width = numbers[8], length = numbers[9];
    const double cosine = std::cos(numbers[13]), sine = std::sin(numbers[13]);
    // In the camera: x right, y down, z ahead; the stated place is the middle of the bottom.
    const Matrix3 cameraFromBox{cosine, sine, 0, 0, 0, -1, -sine, cosine, 0};
    Box3 box;
    box.label = std::string(label);
    box.size = {length, width, height};
    box.center = velodyneFromCamera.apply({numbers[10], numbers[11] - height / 2, numbers[12]});
    box.rotation = multiply(velodyneFromCamera.rotation, cameraFromBox);
    return box;
}

Result<std::vector<Box3>> readBoxes(const fs::path& path, const Rigid& velodyneFromCamera) {
    VITRINE_TRY(const std::string content, readFile(path, kMaxTextBytes));
    std::vector<Box3> boxes;
    size_t number = 0;
    for (std::string_view text = content; !text.empty();) {
        std::string_view line = nextLine(text);
        const std::string where = fmt::format("{}:{}", path.string(), ++number);
        const std::string_view label = nextWord(line);
        if (label.empty() || label == "DontCare")
            continue;  // regions of the picture without a place in space
        VITRINE_TRY(const auto numbers, finiteNumbers(line, where));
        if (numbers.size() != 14 && numbers.size() != 15)  // results have a score at the end
            return fail(ErrorCode::InvalidFile,
                        fmt::format("expected 14 numbers after the class, found {}", numbers.size()), where);
        if (!(numbers[7] > 0) || !(numbers[8] > 0) || !(numbers[9] > 0))
            return fail(ErrorCode::InvalidFile, "the box has no positive size", where);
        boxes.push_back(boxInVelodyne(label, numbers, velodyneFromCamera));
    }
    return boxes;
}

// Pixel centres are at whole numbers; seen: in front of the camera and on the picture.
std::vector<float> project(const PointCloud& cloud, const Calibration& calibration, ImageSize picture) {
    std::vector<float> pixels(cloud.pointCount() * 2, std::numeric_limits<float>::quiet_NaN());
    const auto& p = calibration.projection;
    for (size_t i = 0; i < cloud.pointCount(); ++i) {
        const float* position = &cloud.positions[i * 3];
        const Vector3 c = calibration.cameraFromVelodyne.apply({position[0], position[1], position[2]});
        const double depth = p[8] * c[0] + p[9] * c[1] + p[10] * c[2] + p[11];
        if (!(c[2] > 0) || !(depth > 0))
            continue;
        const double u = (p[0] * c[0] + p[1] * c[1] + p[2] * c[2] + p[3]) / depth;
        const double v = (p[4] * c[0] + p[5] * c[1] + p[6] * c[2] + p[7]) / depth;
        if (u >= 0 && v >= 0 && u <= double(picture.width - 1) && v <= double(picture.height - 1)) {
            pixels[i * 2] = float(u);
            pixels[i * 2 + 1] = float(v);
        }
    }
    return pixels;
}

Result<PointCloud> readScan(const fs::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    const auto bytes = file->bytes();
    if (bytes.empty() || bytes.size() % kBytesPerPoint != 0)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} bytes are not a whole number of points of {} bytes", bytes.size(),
                                kBytesPerPoint),
                    path.string(),
                    "A Velodyne scan holds x, y, z and reflectance as 32-bit floats; it may be cut off");
    PointCloud cloud;
    cloud.frame = "velodyne";
    cloud.positions.reserve(bytes.size() / kBytesPerPoint * 3);
    cloud.intensities.reserve(bytes.size() / kBytesPerPoint);
    for (size_t at = 0; at < bytes.size(); at += kBytesPerPoint) {
        std::array<float, 4> point;
        std::memcpy(point.data(), bytes.data() + at, kBytesPerPoint);
        if (!std::isfinite(point[0]) || !std::isfinite(point[1]) || !std::isfinite(point[2]))
            continue;
        cloud.positions.insert(cloud.positions.end(), point.begin(), point.begin() + 3);
        cloud.intensities.push_back(point[3]);
    }
    return cloud;
}

// P2 = K [1 | -c]: the left colour camera stands beside the one that the rectified frame belongs to.
CloudCamera cameraOf(const Calibration& calibration, const Rigid& velodyneFromCamera, ImageSize picture) {
    const auto& p = calibration.projection;
    CloudCamera camera;
    camera.focalX = p[0];
    camera.focalY = p[5];
    camera.centerX = p[2];
    camera.centerY = p[6];
    camera.width = picture.width;
    camera.height = picture.height;
    const double z = -p[11];
    const Vector3 inRectified{(-p[3] - p[2] * z) / p[0], (-p[7] - p[6] * z) / p[5], z};
    camera.position = velodyneFromCamera.apply(inRectified);
    camera.rotation = velodyneFromCamera.rotation;
    return camera;
}

Result<PointCloud> readKitti(const fs::path& path, JobContext& job) {
    job.beginStage("reading the scan", 0);
    VITRINE_TRY(PointCloud cloud, readScan(path));
    const fs::path picture = neighbour(path, "image_2", ".png");
    if (isFile(picture))
        cloud.picture = picture;
    const fs::path calibrationFile = neighbour(path, "calib", ".txt");
    if (!isFile(calibrationFile))
        return cloud;
    VITRINE_TRY(const Calibration calibration, readCalibration(calibrationFile));
    const Rigid velodyneFromCamera = calibration.cameraFromVelodyne.inverse();
    if (cloud.picture) {
        VITRINE_TRY(const ImageHeader header, readImageHeader(picture));
        cloud.pixels = project(cloud, calibration, header.size);
        cloud.camera = cameraOf(calibration, velodyneFromCamera, header.size);
    }
    if (const fs::path labels = neighbour(path, "label_2", ".txt"); isFile(labels)) {
        VITRINE_TRY(cloud.boxes, readBoxes(labels, velodyneFromCamera));
    }
    return cloud;
}

std::optional<fs::path> cloudOfPicture(const fs::path& picture) {
    if (picture.parent_path().filename() != "image_2")
        return std::nullopt;
    const fs::path scan = neighbour(picture, "velodyne", ".bin");
    return isFile(scan) ? std::optional(scan) : std::nullopt;
}

// ".bin" may be anything, model weights too.
bool recognizes(const fs::path& path) {
    return path.parent_path().filename().string().starts_with("velodyne") ||
           isFile(neighbour(path, "calib", ".txt"));
}

}  // namespace

PointCloudReader kittiReader() {
    return {"KITTI Velodyne scan", {".bin"}, recognizes, readKitti, cloudOfPicture};
}

}  // namespace vitrine::clouds
