#include "core/media/image.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vitrine {
namespace {

// IEC 61966-2-1 transfer function, linear [0,1] to 8-bit code. NaN becomes 0.
uint8_t srgbCode(float linear) {
    if (!(linear > 0.0f))
        return 0;
    if (linear >= 1.0f)
        return 255;
    const float encoded =
        linear <= 0.0031308f ? 12.92f * linear : 1.055f * std::pow(linear, 1.0f / 2.4f) - 0.055f;
    return uint8_t(std::lround(encoded * 255.0f));
}

uint8_t code8(uint8_t value) {
    return value;
}
// The high byte, as PIL and libpng reduce 16-bit samples.
uint8_t code8(uint16_t value) {
    return uint8_t(value >> 8);
}
uint8_t code8(float value) {
    return srgbCode(value);
}

template <typename T>
void fillRgb8(const Image& from, Image& to) {
    const int channels = from.channels();
    const int green = channels >= 3 ? 1 : 0;
    const int blue = channels >= 3 ? 2 : 0;
    for (int64_t y = 0; y < from.height(); ++y) {
        const T* source = from.row<T>(y);
        uint8_t* target = to.row<uint8_t>(y);
        for (int64_t x = 0; x < from.width(); ++x, source += channels, target += 3) {
            target[0] = code8(source[0]);
            target[1] = green ? code8(source[green]) : target[0];
            target[2] = blue ? code8(source[blue]) : target[0];
        }
    }
}

}  // namespace

Image::Image(ImageSize size, int channels, SampleType type) : size_(size), channels_(channels), type_(type) {
    VITRINE_CHECK(size.width >= 0 && size.height >= 0, "an image's size must not be negative");
    VITRINE_CHECK(channels >= 1 && channels <= 4, "an image has 1 to 4 channels");
    samples_.resize(rowBytes() * size_t(size.height));
}

double Image::value(int64_t x, int64_t y, int channel) const {
    VITRINE_CHECK(
        x >= 0 && x < size_.width && y >= 0 && y < size_.height && channel >= 0 && channel < channels_,
        "sample outside the image");
    const size_t index = size_t(x) * size_t(channels_) + size_t(channel);
    switch (type_) {
        case SampleType::U8:
            return row<uint8_t>(y)[index];
        case SampleType::U16:
            return row<uint16_t>(y)[index];
        case SampleType::F32:
            break;
    }
    return row<float>(y)[index];
}

Image Image::toRgb8() const {
    if (type_ == SampleType::U8 && channels_ == 3)
        return *this;
    if (empty())
        return {};
    Image rgb(size_, 3, SampleType::U8);
    switch (type_) {
        case SampleType::U8:
            fillRgb8<uint8_t>(*this, rgb);
            break;
        case SampleType::U16:
            fillRgb8<uint16_t>(*this, rgb);
            break;
        case SampleType::F32:
            fillRgb8<float>(*this, rgb);
            break;
    }
    return rgb;
}

}  // namespace vitrine
