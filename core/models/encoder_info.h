// What a vision encoder is and accepts, without LibTorch: for views, reports and the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine {

struct EncoderInfo {
    std::string family;         // "radio", "clip", "dinov2", ...
    std::string name;           // folder name or the configuration's own name
    int64_t patchSize = 16;     // model pixels per feature cell
    int64_t sizeMultiple = 16;  // height and width of the input must be multiples of this
    int64_t preferredHeight = 224, preferredWidth = 224;
    int64_t maxSide = 0;     // 0: no limit known
    bool fixedSize = false;  // only the preferred size is accepted
    int64_t layerCount = 0;  // hidden states 0..layerCount: 0 after the embeddings, k after block k
    int64_t prefixTokenCount =
        0;  // class, summary and register tokens in front of the patches in hidden states and attention
    int64_t classTokenCount =
        0;  // the leading part of those that are class or summary tokens; the rest are registers
    int64_t featureWidth = 0;  // channels of `features`
    int64_t summaryWidth = 0;  // 0: the family has no summary; one is made by averaging
    int64_t headCount = 0;     // attention heads; 0: no attention maps (convolutional)
    int64_t parameterCount = 0;
    bool normalizesItself = false;  // takes values in [0,1] and normalises inside (RADIO)
    bool hasText = false;
    std::vector<std::string> adaptors;  // names of adaptor heads ("clip", "sam", ...)
};

}  // namespace vitrine
