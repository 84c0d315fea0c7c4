// Pictures in memory, as loaded: 8-bit, 16-bit or float samples, 1 to 4 channels, interleaved, rows top to
// bottom. No LibTorch, no OpenCV in this header.
#pragma once

#include "core/base/check.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vitrine {

enum class SampleType { U8, U16, F32 };

struct ImageSize {
    int64_t width = 0;
    int64_t height = 0;
    bool operator==(const ImageSize&) const = default;
};

// Channel order is R, G, B, A (or grey, grey + alpha). U8/U16 are sRGB-encoded unless the file says
// otherwise; F32 is linear light, unbounded (EXR, HDR).
class Image {
  public:
    Image() = default;
    Image(ImageSize size, int channels, SampleType type);

    ImageSize size() const { return size_; }
    int64_t width() const { return size_.width; }
    int64_t height() const { return size_.height; }
    int channels() const { return channels_; }
    SampleType sampleType() const { return type_; }
    bool empty() const { return samples_.empty(); }
    size_t bytesPerSample() const { return type_ == SampleType::U8 ? 1 : type_ == SampleType::U16 ? 2 : 4; }
    size_t rowBytes() const { return size_t(size_.width) * size_t(channels_) * bytesPerSample(); }

    template <typename T>
    T* row(int64_t y) {
        return reinterpret_cast<T*>(samples_.data() + size_t(y) * rowBytes());
    }
    template <typename T>
    const T* row(int64_t y) const {
        return reinterpret_cast<const T*>(samples_.data() + size_t(y) * rowBytes());
    }
    const std::byte* data() const { return samples_.data(); }
    std::byte* data() { return samples_.data(); }
    size_t byteCount() const { return samples_.size(); }

    // Raw sample value as stored (0..255, 0..65535 or float).
    double value(int64_t x, int64_t y, int channel) const;
    // Copy with 8-bit RGB samples, as models and displays take it: grey is repeated, alpha dropped (as PIL's
    // convert("RGB") does), 16-bit scaled, linear float tone-mapped by clipping to [0,1] and sRGB encoding.
    Image toRgb8() const;

  private:
    ImageSize size_;
    int channels_ = 0;
    SampleType type_ = SampleType::U8;
    std::vector<std::byte> samples_;
};

}  // namespace vitrine
