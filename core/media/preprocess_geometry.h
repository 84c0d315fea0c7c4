// Sizes that preprocessing resizes, crops and pads to; internal to core/media.
#pragma once

#include "core/media/preprocess.h"

namespace vitrine {

struct PreprocessGeometry {
    ImageSize resized;              // after resizing
    std::optional<ImageSize> crop;  // centre crop after resizing; zeros around a smaller picture
    ImageSize padded;               // model input, content at the top left unless padLeft/padTop
    int64_t padLeft = 0;
    int64_t padTop = 0;
};

Result<PreprocessGeometry> preprocessGeometry(ImageSize image, const PreprocessConfig& config,
                                              const PreprocessOverride& change);

}  // namespace vitrine
