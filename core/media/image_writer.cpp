#include "core/media/image_writer.h"

#include "core/base/file.h"

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cctype>

namespace vitrine {
namespace {

Result<void> checkSamples(const Image& image, const std::string& extension) {
    const SampleType type = image.sampleType();
    const bool png = extension == ".png", tiff = extension == ".tif" || extension == ".tiff";
    const bool jpeg = extension == ".jpg" || extension == ".jpeg", exr = extension == ".exr";
    if (!png && !tiff && !jpeg && !exr)
        return fail(ErrorCode::Unsupported, fmt::format("pictures cannot be written as \"{}\"", extension),
                    {}, "Use .png, .jpg, .tif or .exr");
    if (image.empty())
        return fail(ErrorCode::InvalidArgument, "the picture has no pixels");
    if (jpeg && type != SampleType::U8)
        return fail(ErrorCode::Unsupported, "JPEG holds 8-bit samples only", {},
                    "Write a .png (16 bit) or .exr (float)");
    if (png && type == SampleType::F32)
        return fail(ErrorCode::Unsupported, "PNG holds 8- and 16-bit samples only", {},
                    "Write an .exr or .tif");
    if (exr && (type != SampleType::F32 || image.channels() == 2 || image.channels() == 4))
        return fail(ErrorCode::Unsupported, "OpenEXR is written with float samples of 1 or 3 channels", {},
                    "Write a .tif or .png");
    return {};
}

cv::Mat matFromImage(const Image& image, bool keepAlpha) {
    const int depth = image.sampleType() == SampleType::U8    ? CV_8U
                      : image.sampleType() == SampleType::U16 ? CV_16U
                                                              : CV_32F;
    const cv::Mat view(int(image.height()), int(image.width()), CV_MAKETYPE(depth, image.channels()),
                       const_cast<std::byte*>(image.data()));
    // A matrix of its own: converting into `view` would write into the picture.
    cv::Mat out;
    if (image.channels() == 1) {
        out = view;
    } else if (image.channels() == 2) {
        cv::Mat planes[2], bgra[4];
        cv::split(view, planes);
        for (int c = 0; c < 4; ++c)
            bgra[c] = planes[c == 3];
        cv::merge(bgra, 4, out);
    } else {
        cv::cvtColor(view, out, image.channels() == 3 ? cv::COLOR_RGB2BGR : cv::COLOR_RGBA2BGRA);
    }
    if (!keepAlpha && out.channels() == 4) {
        cv::Mat opaque;
        cv::cvtColor(out, opaque, cv::COLOR_BGRA2BGR);
        return opaque;
    }
    return out;
}

}  // namespace

Result<std::string> encodeImage(const Image& image, const std::string& extension,
                                const WriteOptions& options) {
    VITRINE_TRY_VOID(checkSamples(image, extension));
    const bool jpeg = extension == ".jpg" || extension == ".jpeg";
    std::vector<int> parameters;
    if (jpeg)
        parameters = {cv::IMWRITE_JPEG_QUALITY, std::clamp(options.jpegQuality, 1, 100)};
    else if (extension == ".png")
        parameters = {cv::IMWRITE_PNG_COMPRESSION, std::clamp(options.pngCompression, 0, 9)};
    else if (extension.starts_with(".tif"))
        parameters = {cv::IMWRITE_TIFF_COMPRESSION,
                      5};  // LZW; the default for float colour is a lossy encoding
    else if (extension == ".exr")
        parameters = {cv::IMWRITE_EXR_TYPE, cv::IMWRITE_EXR_TYPE_FLOAT};
    try {
        std::vector<uchar> bytes;
        if (!cv::imencode(extension, matFromImage(image, !jpeg), bytes, parameters))
            return fail(ErrorCode::IoFailure,
                        fmt::format("the picture could not be encoded as {}", extension));
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } catch (const std::exception&) {
        return fail(errorFromCurrentException("encode a picture"));
    }
}

Result<void> writeImage(const std::filesystem::path& path, const Image& image, const WriteOptions& options) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](uint8_t c) { return char(std::tolower(c)); });
    const auto bytes = encodeImage(image, extension, options);
    if (!bytes)
        return fail(bytes.error().in(path.string()));
    return writeFileAtomically(path, *bytes);
}

}  // namespace vitrine
