// What a FeatUp upsampler's file says: the tensors of a released checkpoint ("state_dict.upsampler.up1..."),
// or of a folder that this program trained.
#pragma once

#include "core/io/model_folder.h"

namespace vitrine::featup {

struct FeatUpConfig {
    int64_t featureWidth = 384;  // C
    int64_t levelCount = 4;      // each doubles the grid
    bool normalized = true;      // LayerNorm over the channels of the encoder's features (model.1.norm)
    int64_t patchSize = 0;       // of the encoder it was trained for; 0: the file does not say
    std::string prefix;          // of all tensors: "", "state_dict."

    int64_t factor() const { return int64_t(1) << levelCount; }
};

bool looksLikeFeatUp(const ModelFolder& folder);
Result<FeatUpConfig> featUpConfigFrom(const ModelFolder& folder);

}  // namespace vitrine::featup
