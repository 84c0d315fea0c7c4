#include "core/clouds/ply_writer.h"

#include "core/base/check.h"
#include "core/base/file.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace vitrine {
namespace {

constexpr size_t kPointsPerWrite = size_t(1) << 16;

std::string headerOf(const PointCloud& cloud, bool colored, bool intensities) {
    std::string frame = cloud.frame;  // one line, whatever a plugin put there
    std::erase_if(frame, [](unsigned char letter) { return letter < 0x20; });
    std::string header = fmt::format(
        "ply\nformat binary_little_endian 1.0\ncomment frame {}, metres\nelement vertex {}\n"
        "property float x\nproperty float y\nproperty float z\n",
        frame.empty() ? "unknown" : frame, cloud.pointCount());
    if (colored)
        header += "property uchar red\nproperty uchar green\nproperty uchar blue\n";
    if (intensities)
        header += "property float intensity\n";
    return header + "end_header\n";
}

void append(std::string& bytes, float value) {
    auto bits = std::bit_cast<uint32_t>(value);
    for (int byte = 0; byte < 4; ++byte, bits >>= 8)
        bytes.push_back(char(bits & 0xff));
}

}  // namespace

Result<void> writePly(const std::filesystem::path& file, const PointCloud& cloud,
                      std::span<const uint8_t> rgb, JobContext& job) {
    VITRINE_CHECK(rgb.empty() || rgb.size() == cloud.positions.size(), "three bytes of colour per point");
    const size_t count = cloud.pointCount();
    const bool intensities = cloud.intensities.size() == count && count > 0;
    VITRINE_TRY(AtomicFileWriter writer, AtomicFileWriter::create(file));
    VITRINE_TRY_VOID(writer.write(headerOf(cloud, !rgb.empty(), intensities)));
    job.beginStage("writing points", int64_t(count));
    std::string bytes;
    for (size_t begin = 0; begin < count; begin += kPointsPerWrite) {
        VITRINE_TRY_VOID(job.checkStop());
        const size_t end = std::min(begin + kPointsPerWrite, count);
        bytes.clear();
        for (size_t point = begin; point < end; ++point) {
            for (size_t axis = 0; axis < 3; ++axis)
                append(bytes, cloud.positions[point * 3 + axis]);
            for (size_t channel = 0; channel < 3 && !rgb.empty(); ++channel)
                bytes.push_back(char(rgb[point * 3 + channel]));
            if (intensities)
                append(bytes, cloud.intensities[point]);
        }
        VITRINE_TRY_VOID(writer.write(bytes));
        job.advance(int64_t(end - begin));
    }
    return writer.commit();
}

}  // namespace vitrine
