// Augmented views of a picture, the same for the same seed: what LiDAR compares the spread within a picture
// to.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <cstdint>
#include <vector>

namespace vitrine {

struct AugmentationOptions {
    double smallestArea = 0.3;         // share of the picture's area that a crop keeps at least
    double largestAspect = 4.0 / 3.0;  // of the crop relative to the picture's; the inverse is the smallest
    double jitter = 0.3;               // brightness and contrast change by at most this share
    bool flips = true;
};

// `count` 8-bit RGB views of the picture's own size: random resized crop, mirrored half of the time,
// brightness and contrast jitter. `seed` and `index` (of the picture) alone decide.
Result<std::vector<Image>> augmentedViews(const Image& picture, int64_t count, uint64_t seed, uint64_t index,
                                          const AugmentationOptions& options = {});

}  // namespace vitrine
