// What a picture file says about itself, without decoding it: the reader refuses decompression bombs by it.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <filesystem>
#include <span>
#include <string>

namespace vitrine {

enum class ImageFormat { Png, Jpeg, WebP, Tiff, Bmp, Pnm, Exr, Hdr };

// "PNG"
const char* imageFormatName(ImageFormat format);

struct ImageHeader {
    ImageFormat format = ImageFormat::Png;
    ImageSize size;  // as seen: EXIF orientation applied
    int channels = 3;
    SampleType sampleType = SampleType::U8;
    int orientation = 1;  // EXIF: 1 upright, 2..8 mirrored or turned
};

// InvalidFile if the bytes are no known picture or their header is damaged; reads a few kilobytes.
Result<ImageHeader> readImageHeader(const std::filesystem::path& path);
Result<ImageHeader> readImageHeader(std::span<const std::byte> bytes, std::string_view where);

}  // namespace vitrine
