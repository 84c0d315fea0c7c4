// Depth maps as RGB-D cameras store them: 16-bit PNG in fractions of a metre.
#pragma once

#include "core/media/image_reader.h"

namespace vitrine {

struct DepthOptions {
    double unitsPerMetre = 1000.0;  // 1000: millimetres; 5000: TUM RGB-D
    ReadOptions read;
};

// One-channel float picture in metres; 0 where the camera saw nothing. Float files are divided by
// unitsPerMetre too. InvalidFile for colour pictures and 8-bit ones.
Result<Image> readDepth(const std::filesystem::path& path, const DepthOptions& options = {});

}  // namespace vitrine
