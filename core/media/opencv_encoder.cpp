#include "core/media/image_encoder.h"

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>

namespace vitrine {
namespace {

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

Result<std::string> encodeSamples(const Image& image, const std::string& extension,
                                  const WriteOptions& options) {
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

}  // namespace vitrine
