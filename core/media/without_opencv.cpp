// Reading and writing pictures in a build without OpenCV (VITRINE_MEDIA=OFF): only PNG is written; every
// other call says that it cannot.
#include "core/media/heat_map_picture.h"
#include "core/media/image_encoder.h"
#include "core/media/image_reader.h"
#include "core/media/line_chart_picture.h"
#include "core/media/png_encoder.h"

namespace vitrine {
namespace {

Failure withoutOpenCv(std::string_view where) {
    return fail(ErrorCode::Unsupported, "this build reads no pictures and writes only PNG",
                std::string(where), "Build with -DVITRINE_MEDIA=ON, which needs OpenCV");
}

}  // namespace

bool picturesAreSupported() {
    return false;
}

// What the header tells comes first: a missing or damaged file is the user's more urgent problem.
Result<Image> readImage(std::span<const std::byte> bytes, const ReadOptions&, std::string_view where) {
    VITRINE_TRY([[maybe_unused]] const ImageHeader header, readImageHeader(bytes, where));
    return withoutOpenCv(where);
}

Result<Image> readImage(const std::filesystem::path& path, const ReadOptions&) {
    VITRINE_TRY([[maybe_unused]] const ImageHeader header, readImageHeader(path));
    return withoutOpenCv(path.string());
}

Result<Image> readThumbnail(const std::filesystem::path& path, int64_t, const ReadOptions& options) {
    return readImage(path, options);
}

Result<std::string> encodeSamples(const Image& image, const std::string& extension,
                                  const WriteOptions& options) {
    if (extension == ".png")
        return encodePng(image, options.pngCompression);
    return withoutOpenCv(extension);
}

Result<Image> drawHeatMap(const HeatMapPicture&) {
    return withoutOpenCv("heat map");
}

Result<Image> drawLineChart(const LineChartPicture&) {
    return withoutOpenCv("line chart");
}

}  // namespace vitrine
