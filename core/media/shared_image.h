// One decoded copy of a picture for everybody who shows or encodes it: a picture of 600 million pixels
// takes 1.8 GB, and twice that where view and encoder each hold their own.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <filesystem>
#include <memory>

namespace vitrine {

// The picture as readImage() gives it. While anybody holds it, whoever asks again gets the same object; who
// asks while it is being decoded waits for that. A file that changed (time or size) is read again. Errors are
// those of readImage() and are not remembered. Thread-safe.
Result<std::shared_ptr<const Image>> sharedImage(const std::filesystem::path& path);

}  // namespace vitrine
