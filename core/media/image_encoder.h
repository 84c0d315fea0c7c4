// The part of writing pictures that needs a coder: OpenCV, or our own PNG; internal to core/media.
#pragma once

#include "core/media/image_writer.h"

namespace vitrine {

// The file's bytes. `image` has samples that the format of `extension` can hold (".png", lower case): the
// writer checked.
Result<std::string> encodeSamples(const Image& image, const std::string& extension,
                                  const WriteOptions& options);

}  // namespace vitrine
