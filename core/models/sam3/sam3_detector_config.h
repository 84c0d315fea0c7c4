// Sizes of SAM 3's detector: the parts that find everything a text or example boxes describe.
#pragma once

#include "core/base/json.h"
#include "core/models/clip/clip_config.h"

namespace vitrine::sam3 {

// One stack of transformer layers.
struct StackSizes {
    int64_t width = 256, mlpWidth = 2048, depth = 6, headCount = 8;
    std::string activation = "relu";
};

struct DetectorSizes {
    StackSizes geometry{.depth = 3};
    StackSizes encoder, decoder;
    int64_t boxPoolSide = 7;       // cells a side that an example box is pooled to
    int64_t queryCount = 200;      // objects found at most
    int64_t maskHeadCount = 8;     // of the mask head's attention to the prompt
    int64_t upsamplingStages = 3;  // of the pixel decoder, as stored

    int64_t width() const { return encoder.width; }
};

// geometry_encoder_config, detr_encoder_config, detr_decoder_config and mask_decoder_config of a "sam3"
// configuration; absent keys take the published defaults. `pyramidWidth` and `levelCount` are those of the
// image encoder's pyramid without its last level, which the detector works on.
Result<DetectorSizes> detectorSizesFrom(const Json& config, int64_t pyramidWidth, int64_t levelCount);

// text_config of a "sam3" configuration: a CLIP text tower.
Result<clip::ClipConfig> textConfigFrom(const Json& config);

}  // namespace vitrine::sam3
