#include "core/media/image_reader.h"

#include "core/base/file.h"
#include "core/media/resample.h"

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>

namespace vitrine {
namespace {

// OpenCV reads this once, at the first picture: set while the library is loaded, before any thread starts.
const int kOpenExrEnabled = ::setenv("OPENCV_IO_ENABLE_OPENEXR", "1", 0);

std::span<const std::byte> bytesOf(const std::string& content) {
    return std::as_bytes(std::span(content));
}

// libjpeg pads a cut-off picture with grey and OpenCV does not tell: the end marker has to follow the first
// scan.
bool jpegIsComplete(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    size_t at = 2;
    while (at + 4 <= text.size() && text[at] == '\xff' && text[at + 1] != '\xda')
        at += text[at + 1] == '\xff' ? 1 : 2 + (size_t(uint8_t(text[at + 2])) << 8 | uint8_t(text[at + 3]));
    return text.find("\xff\xd9", std::min(at, text.size())) != text.npos;
}

// Checked here because libpng would print its own message.
bool pngIsComplete(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (size_t at = 8; at + 12 <= text.size();) {
        uint32_t length = 0;
        for (size_t i = 0; i < 4; ++i)
            length = length << 8 | uint8_t(text[at + i]);
        if (text.substr(at + 4, 4) == "IEND")
            return true;
        at += 12 + size_t(length);
    }
    return false;
}

// Brings EXIF orientation 2..8 upright: mirrored, turned, or both.
cv::Mat upright(const cv::Mat& image, int orientation) {
    cv::Mat out = image;
    if (orientation >= 5)
        cv::transpose(image, out);
    switch (orientation) {
        case 2:
        case 6:
            cv::flip(out, out, 1);
            break;
        case 3:
        case 7:
            cv::flip(out, out, -1);
            break;
        case 4:
        case 8:
            cv::flip(out, out, 0);
            break;
        default:
            break;
    }
    return out;
}

int matType(const Image& image) {
    static const int depths[] = {CV_8U, CV_16U, CV_32F};
    return CV_MAKETYPE(depths[size_t(image.sampleType())], image.channels());
}

// The picture's own memory, seen by OpenCV.
cv::Mat matOver(Image& image) {
    return cv::Mat(int(image.height()), int(image.width()), matType(image), image.data());
}

// Brings the channels into our order. In strips: a copy of the whole would double what a huge picture takes.
void orderChannels(Image& image) {
    constexpr int kStrip = 64;
    if (image.channels() < 3)
        return;
    const cv::Mat whole = matOver(image);
    for (int y = 0; y < whole.rows; y += kStrip) {
        cv::Mat strip = whole.rowRange(y, std::min(whole.rows, y + kStrip));
        cv::cvtColor(strip, strip, image.channels() == 3 ? cv::COLOR_BGR2RGB : cv::COLOR_BGRA2RGBA);
    }
}

// `target`: where the decoder was asked to write; it did unless size or type are not what the header says.
Result<Image> imageFromMat(cv::Mat mat, Image target, std::string_view where) {
    const int channels = mat.channels();
    if (channels > 4)
        return fail(ErrorCode::Unsupported,
                    fmt::format("it has {} channels; at most 4 can be shown", channels), std::string(where));
    if (target.empty() || mat.data != reinterpret_cast<const uchar*>(target.data())) {
        SampleType type = SampleType::F32;
        if (mat.depth() == CV_8U || mat.depth() == CV_16U)
            type = mat.depth() == CV_8U ? SampleType::U8 : SampleType::U16;
        else if (mat.depth() != CV_32F)
            mat.convertTo(mat, CV_32F);
        target = Image({mat.cols, mat.rows}, channels, type);
        for (int y = 0; y < mat.rows; ++y)
            std::memcpy(target.row<std::byte>(y), mat.ptr(y), target.rowBytes());
    }
    orderChannels(target);
    return target;
}

// Pictures from this size on are decoded one at a time: each may take gigabytes.
constexpr int64_t kHugePixels = int64_t(1) << 26;

std::unique_lock<std::mutex> turnFor(const ImageHeader& header) {
    static std::mutex oneHugePicture;
    std::unique_lock lock(oneHugePicture, std::defer_lock);
    if (header.size.width * header.size.height >= kHugePixels)
        lock.lock();
    return lock;
}

Result<Image> decode(std::span<const std::byte> bytes, const ImageHeader& header, int flags,
                     const ReadOptions& options, std::string_view where) {
    const auto damaged = [&](std::string why) {
        return fail(ErrorCode::InvalidFile,
                    fmt::format("damaged or cut off {}{}", imageFormatName(header.format), why),
                    std::string(where));
    };
    if (header.size.width > options.maxPixels / header.size.height)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("it claims {}x{} pixels, more than the {} that are read at most",
                                header.size.width, header.size.height, options.maxPixels),
                    std::string(where), "If the picture is what you expect, scale it down first");
    if (header.channels > 4)
        return fail(ErrorCode::Unsupported,
                    fmt::format("it has {} channels; at most 4 can be shown", header.channels),
                    std::string(where));
    if ((header.format == ImageFormat::Jpeg && !jpegIsComplete(bytes)) ||
        (header.format == ImageFormat::Png && !pngIsComplete(bytes)))
        return damaged(": its end is missing");
    if (bytes.size() > size_t(std::numeric_limits<int>::max()))
        return fail(ErrorCode::Unsupported, "files above 2 GiB are not decoded", std::string(where));
    try {
        const auto turn = turnFor(header);
        // Straight into the picture's memory where nothing has to be turned or reduced.
        const bool straight = flags == cv::IMREAD_UNCHANGED && header.orientation == 1;
        Image target = straight ? Image(header.size, header.channels, header.sampleType) : Image();
        cv::Mat mat;
        if (straight)
            mat = matOver(target);
        const cv::Mat file(1, int(bytes.size()), CV_8U, const_cast<std::byte*>(bytes.data()));
        mat = cv::imdecode(file, flags, &mat);
        if (mat.empty())
            return damaged("");
        // OpenCV turns TIFF upright itself; the other formats keep to IMREAD_UNCHANGED.
        if (options.applyOrientation && header.format != ImageFormat::Tiff)
            mat = upright(mat, header.orientation);
        return imageFromMat(mat, std::move(target), where);
    } catch (const cv::Exception& exception) {
        if (exception.code == cv::Error::StsNoMem)
            return fail(
                ErrorCode::OutOfMemory,
                fmt::format("not enough memory for {}x{} pixels", header.size.width, header.size.height),
                std::string(where));
        return damaged(fmt::format(" ({})", exception.err));
    } catch (const std::exception&) {
        return fail(errorFromCurrentException("decode a picture").in(where));
    }
}

}  // namespace

bool picturesAreSupported() {
    return true;
}

Result<Image> readImage(std::span<const std::byte> bytes, const ReadOptions& options,
                        std::string_view where) {
    VITRINE_TRY(const ImageHeader header, readImageHeader(bytes, where));
    return decode(bytes, header, cv::IMREAD_UNCHANGED, options, where);
}

Result<Image> readImage(const std::filesystem::path& path, const ReadOptions& options) {
    VITRINE_TRY(const std::string content, readFile(path));
    return readImage(bytesOf(content), options, path.string());
}

Result<Image> readThumbnail(const std::filesystem::path& path, int64_t maxSide, const ReadOptions& options) {
    if (maxSide < 1)
        return fail(ErrorCode::InvalidArgument, "a thumbnail needs at least one pixel", path.string());
    VITRINE_TRY(const std::string content, readFile(path));
    VITRINE_TRY(const ImageHeader header, readImageHeader(bytesOf(content), path.string()));
    int flags = cv::IMREAD_UNCHANGED;
    const int64_t factor = std::max(header.size.width, header.size.height) / maxSide;
    if (header.format == ImageFormat::Jpeg && factor >= 2) {
        const bool grey = header.channels == 1;
        flags = cv::IMREAD_IGNORE_ORIENTATION;
        if (factor >= 8)
            flags |= grey ? cv::IMREAD_REDUCED_GRAYSCALE_8 : cv::IMREAD_REDUCED_COLOR_8;
        else if (factor >= 4)
            flags |= grey ? cv::IMREAD_REDUCED_GRAYSCALE_4 : cv::IMREAD_REDUCED_COLOR_4;
        else
            flags |= grey ? cv::IMREAD_REDUCED_GRAYSCALE_2 : cv::IMREAD_REDUCED_COLOR_2;
    }
    VITRINE_TRY(Image image, decode(bytesOf(content), header, flags, options, path.string()));
    const int64_t longSide = std::max(image.width(), image.height());
    if (longSide <= maxSide)
        return image;
    const double scale = double(maxSide) / double(longSide);
    return resize(image,
                  {std::max<int64_t>(1, std::llround(double(image.width()) * scale)),
                   std::max<int64_t>(1, std::llround(double(image.height()) * scale))},
                  Resampling::Bilinear);
}

}  // namespace vitrine
