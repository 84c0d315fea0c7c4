// A convolutional RADIO trunk: EfficientNet-Lite blocks, and a neck that gathers their maps into one. What a
// folder says of it stands in config.json under args.model_kwargs.
#pragma once

#include "core/models/efficientnet/network.h"
#include "core/models/radio/radio_config.h"

namespace vitrine {

struct ConvolutionalRadioConfig {
    std::string version;
    std::vector<efficientnet::BlockShape> blocks;
    int64_t stemWidth = 32, headWidth = 1280;
    int64_t neckWidth = 256, neckBlocks = 2;
    int64_t patchSize = 8;  // pixels a side of one cell of the features: 4, 8, 16 or 32
    std::vector<double> mean{127.0 / 255, 127.0 / 255, 127.0 / 255};  // of pixels in [0, 1]
    std::vector<double> std{128.0 / 255, 128.0 / 255, 128.0 / 255};
    int64_t preferredSide = 224, maxSide = 0;  // pixels; maxSide 0: no limit
    std::vector<RadioAdaptorConfig> adaptors;

    // Pixels per side that input sizes must be a multiple of: the trunk's stride.
    int64_t sizeMultiple() const;
    // Maps that the neck gathers, by their number in efficientnet::Network::maps: the last one of each stride
    // from 4 pixels on, the head's left out. With the stride and the width of each.
    struct Tap {
        int64_t map = 0, stride = 1, width = 0;
    };
    std::vector<Tap> taps() const;
};

// Whether the folder's weights are those of such a trunk.
bool isConvolutionalRadio(const TensorSource& source);
// Errors: fields that are missing or of the wrong type (JSON path), sizes that make no sense.
Result<ConvolutionalRadioConfig> readConvolutionalRadio(const Json& config, const TensorSource& source);
// config.json of such a folder.
Json convolutionalRadioJson(const ConvolutionalRadioConfig& config);

}  // namespace vitrine
