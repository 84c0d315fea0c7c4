// What pictures say of themselves in a TIFF structure: a TIFF file, or the EXIF data of other formats.
#pragma once

#include "core/media/header_bytes.h"

#include <optional>

namespace vitrine {

struct TiffFields {
    uint32_t width = 0, height = 0, bits = 1, samples = 1, sampleFormat = 1, orientation = 1, photometric = 1;
};

// Of the first directory; nothing where the bytes are none or cut off.
std::optional<TiffFields> tiffFields(std::span<const std::byte> data);

// 1 (as it lies) to 8; 1 where nothing sensible is said.
int exifOrientation(std::span<const std::byte> exif);

}  // namespace vitrine
