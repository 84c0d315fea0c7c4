// Frames of a video file by index or time. One thread at a time; nothing here throws.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <filesystem>
#include <memory>

namespace vitrine {

class VideoReader {
  public:
    // Errors: NotFound and the like for the path, InvalidFile if no frame can be decoded, Unsupported without
    // a decoder.
    static Result<VideoReader> open(const std::filesystem::path& path);
    VideoReader(VideoReader&&) noexcept;
    VideoReader& operator=(VideoReader&&) noexcept;
    ~VideoReader();

    ImageSize size() const;
    int64_t frameCount() const;  // as the container says
    double framesPerSecond() const;
    double durationSeconds() const;

    // 8-bit RGB. Going forward by few frames is fast; jumps seek. InvalidArgument outside [0, frameCount()).
    Result<Image> frame(int64_t index);
    // The frame shown at `seconds`, clamped to the last.
    Result<Image> frameAt(double seconds);

  private:
    VideoReader();
    struct Capture;
    std::unique_ptr<Capture> capture_;
};

}  // namespace vitrine
