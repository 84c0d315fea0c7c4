// E-RADIO: what a checkpoint is, read from `args.model_kwargs` and completed by the stored shapes.
#pragma once

#include "core/models/radio/radio_config.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine {

// One level: a convolutional stage (the first two) or one of windowed multi-resolution attention.
struct EradioLevelConfig {
    int64_t width = 0, depth = 0;
    bool attention = false;
    bool splitConvolutions = true;  // C2f stage; otherwise plain residual blocks of two convolutions
    bool downsample = true;         // halves the map at its end
    int64_t headCount = 1;
    std::vector<int64_t> windows;  // patches a side, one per attention block of a layer
    std::vector<int64_t> ratios;   // subsampling, likewise; 1: none
};

struct EradioConfig {
    std::string version;
    int64_t channels = 3, stemWidth = 64, width = 192;  // width: of the first level; doubles per level
    std::vector<EradioLevelConfig> levels;
    bool qkvBias = false, multiQuery = false, gated = false;
    bool convolutionalScaling = true;  // strided convolutions around attention; otherwise pooling
    bool stemShuffle = false, downsampleShuffle = false;
    bool layerScale = false, convolutionLayerScale = false;  // gamma1 and gamma2; gamma of plain blocks
    bool neck = true, lastLayerNorm = false;
    int64_t neckStart = 2, neckWidth = 1536;
    int64_t biasHidden = 512;     // of the MLP that makes the position bias
    double groupsRatio = 0;       // of the 3x3 convolution in front of unsampled attention; -1: none
    std::optional<double> scale;  // of q kᵀ; width^-1/2 of a head where absent
    std::vector<double> mean{0.48145466, 0.4578275, 0.40821073};
    std::vector<double> std{0.26862954, 0.26130258, 0.27577711};
    int64_t patchSize = 16, preferredHeight = 224, preferredWidth = 224, maxSide = 0;
    std::vector<RadioAdaptorConfig> adaptors;

    // Channels of features and summary.
    int64_t featureWidth() const { return neck ? neckWidth : levels.back().width; }
    // Pixels per side that input sizes must be a multiple of.
    int64_t sizeMultiple() const;
};

// Prefix of the trunk's stored names ("radio_model.model.", "base_model."), if this is an E-RADIO checkpoint.
std::optional<std::string> findEradioTrunk(const TensorSource& source);
// Whether `trunk` is that of the public layout, which may hold adaptors ("radio_model.adaptors.NAME...").
bool isPublicEradio(const std::string& trunk);

// Errors: fields of the wrong type or length (JSON path), parts of the family that are not supported (shifted
// windows).
Result<EradioConfig> readEradioConfig(const Json& config, const TensorSource& source,
                                      const std::string& trunk);
// config.json of such a model, in the published checkpoints' fields.
Json eradioJson(const EradioConfig& config);

// The window that suits pictures of `side` pixels: the largest divisor of side/32 up to 16.
int64_t optimalEradioWindow(int64_t side);

}  // namespace vitrine
