#include "core/media/video_reader.h"

#include "core/base/file.h"

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vitrine {

struct VideoReader::Capture {
    std::string path;
    cv::VideoCapture video;
    ImageSize size;
    int64_t frames = 0;
    double framesPerSecond = 0;
    int64_t next = 0;  // index that the decoder gives next
};

VideoReader::VideoReader() : capture_(std::make_unique<Capture>()) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

Result<VideoReader> VideoReader::open(const std::filesystem::path& path) {
    // Opened once by ourselves: the video library does not tell a missing file from a damaged one, and takes
    // names with % or :// for picture series and addresses.
    VITRINE_TRY(const auto probe, MappedFile::open(path));
    if (probe->bytes().empty())
        return fail(ErrorCode::InvalidFile, "the file is empty", path.string());
    try {
        VideoReader reader;
        Capture& capture = *reader.capture_;
        capture.path = path.string();
        if (!capture.video.open(std::filesystem::absolute(path).string(), cv::CAP_FFMPEG))
            return fail(ErrorCode::InvalidFile, "not a video that can be decoded, or damaged", path.string());
        capture.size = {int64_t(capture.video.get(cv::CAP_PROP_FRAME_WIDTH)),
                        int64_t(capture.video.get(cv::CAP_PROP_FRAME_HEIGHT))};
        capture.frames = int64_t(capture.video.get(cv::CAP_PROP_FRAME_COUNT));
        capture.framesPerSecond = capture.video.get(cv::CAP_PROP_FPS);
        if (capture.frames < 1 || !(capture.framesPerSecond > 0) || capture.size.width < 1 ||
            capture.size.height < 1)
            return fail(ErrorCode::InvalidFile, "the video tells no frames, frame rate or size",
                        path.string());
        return reader;
    } catch (const std::exception&) {
        return fail(errorFromCurrentException("open a video").in(path.string()));
    }
}

ImageSize VideoReader::size() const {
    return capture_->size;
}
int64_t VideoReader::frameCount() const {
    return capture_->frames;
}
double VideoReader::framesPerSecond() const {
    return capture_->framesPerSecond;
}
double VideoReader::durationSeconds() const {
    return double(capture_->frames) / capture_->framesPerSecond;
}

Result<Image> VideoReader::frame(int64_t index) {
    Capture& capture = *capture_;
    if (index < 0 || index >= capture.frames)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no frame {}; the video has {}", index, capture.frames),
                    capture.path);
    try {
        constexpr int64_t kDecodeThrough = 32;  // cheaper than a seek, which decodes from the last key frame
        if (index < capture.next || index > capture.next + kDecodeThrough) {
            capture.video.set(cv::CAP_PROP_POS_FRAMES, double(index));
            capture.next = index;
        }
        cv::Mat decoded;
        while (capture.next < index && capture.video.grab())
            ++capture.next;
        if (!capture.video.read(decoded) || decoded.empty() || decoded.type() != CV_8UC3)
            return fail(ErrorCode::InvalidFile, fmt::format("frame {} cannot be decoded", index),
                        capture.path);
        ++capture.next;
        cv::cvtColor(decoded, decoded, cv::COLOR_BGR2RGB);
        Image image({decoded.cols, decoded.rows}, 3, SampleType::U8);
        for (int y = 0; y < decoded.rows; ++y)
            std::memcpy(image.row<uint8_t>(y), decoded.ptr(y), image.rowBytes());
        return image;
    } catch (const std::exception&) {
        return fail(errorFromCurrentException("decode a video").in(capture.path));
    }
}

Result<Image> VideoReader::frameAt(double seconds) {
    if (!(seconds >= 0))
        return fail(ErrorCode::InvalidArgument, "a time in a video must not be negative", capture_->path);
    const double index =
        std::min(std::floor(seconds * capture_->framesPerSecond + 1e-6), double(capture_->frames - 1));
    return frame(int64_t(index));
}

}  // namespace vitrine
