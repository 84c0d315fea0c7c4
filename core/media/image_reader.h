// Reading pictures of any common format with their values as stored: PNG, JPEG, WebP, TIFF, BMP, PNM,
// OpenEXR, Radiance HDR. 16-bit stays 16-bit, float stays float; palettes become RGB (RGBA where some entry
// is transparent), grey of 1, 2 and 4 bits is spread to 0..255, grey with alpha becomes RGBA, JPEG in CMYK
// becomes RGB. EXIF orientation is applied. 8-bit values of PNG and JPEG agree with PIL's. Thread-safe;
// nothing here throws.
#pragma once

#include "core/media/image_header.h"

namespace vitrine {

// False in a build without OpenCV (VITRINE_MEDIA=OFF): reading pictures then gives Unsupported, and only PNG
// is written.
bool picturesAreSupported();

struct ReadOptions {
    int64_t maxPixels = int64_t(1) << 30;  // larger pictures are refused before anything is allocated
    bool applyOrientation = true;
};

// Errors carry the path: NotFound, PermissionDenied, InvalidArgument (a folder), InvalidFile (empty, damaged,
// cut off, not a picture, too large), Unsupported (more than 4 channels), OutOfMemory.
Result<Image> readImage(const std::filesystem::path& path, const ReadOptions& options = {});
Result<Image> readImage(std::span<const std::byte> bytes, const ReadOptions& options = {},
                        std::string_view where = "image data");

// 8-bit or as stored, long side at most `maxSide`, upright; JPEGs are decoded at 1/2, 1/4 or 1/8 where that
// suffices.
Result<Image> readThumbnail(const std::filesystem::path& path, int64_t maxSide,
                            const ReadOptions& options = {});

}  // namespace vitrine
