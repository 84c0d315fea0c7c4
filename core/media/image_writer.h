// Writing pictures, atomically: a reader never meets half a file. The format follows the extension.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <filesystem>
#include <string>

namespace vitrine {

struct WriteOptions {
    int jpegQuality = 95;    // 1..100
    int pngCompression = 3;  // 0 (fast) .. 9 (small)
};

// .png (8 and 16 bit), .jpg/.jpeg (8 bit; alpha is dropped), .tif/.tiff (8, 16 bit, float), .exr (float, 1 or
// 3 channels). Grey with alpha is written as RGBA. Unsupported if the format cannot hold the samples: nothing
// is converted silently to fewer bits.
Result<void> writeImage(const std::filesystem::path& path, const Image& image,
                        const WriteOptions& options = {});
// The file's bytes; `extension` as ".png".
Result<std::string> encodeImage(const Image& image, const std::string& extension,
                                const WriteOptions& options = {});

}  // namespace vitrine
