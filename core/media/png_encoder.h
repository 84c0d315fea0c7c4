// PNG without OpenCV (ISO/IEC 15948), deflated by zlib: what a build without OpenCV writes.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <string>

namespace vitrine {

// The file's bytes: 8- or 16-bit samples of 1 to 4 channels, as they are; `compression` 0 (fast) .. 9
// (small). Errors: InvalidArgument (no pixels, float samples), OutOfMemory.
Result<std::string> encodePng(const Image& image, int compression);

}  // namespace vitrine
