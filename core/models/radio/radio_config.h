// What a checkpoint of the RADIO ViT family is: read from its configuration, completed by the stored shapes.
// Two configurations are understood: the published one (`args`, `version`, `adaptor_configs`, ...) and that
// of the later library (model_type "radio").
#pragma once

#include "core/base/json.h"
#include "core/io/tensor_source.h"
#include "core/nn/vit_block.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine {

// One MLP of an adaptor. Mlp1: fc1, LN, ReLU, [Linear, LN, ReLU]·inner, fc2. Mlp2: fc1, residual blocks of
// (LN, GELU, Linear), final (LN, GELU, Linear). Attention: two ViT blocks of 16 heads in front of an Mlp2.
struct RadioHeadConfig {
    enum class Kind { Mlp1, Mlp2, Attention };
    Kind kind = Kind::Mlp2;
    int64_t input = 0, hidden = 0, output = 0;
    int64_t inner = 0;            // inner layers or residual blocks
    int64_t upsample = 1;         // output tokens per input token and side; output = upsample² · channels
    bool preNorm = false;         // LayerNorm and GELU in front
    nn::VitBlockOptions block{};  // of the attention variant
    std::string storedName{};     // where the checkpoint keeps it ("_heads.0."), empty: under its public name
};

struct RadioAdaptorConfig {
    std::string name;
    int64_t headIndex = 0;  // the class token that its summary head reads
    std::optional<RadioHeadConfig> summary, features;
};

// Windowed mode: `numWindowed` windowed blocks between global ones, or about `numGlobal` global blocks.
struct RadioWindowing {
    int64_t windowSize = 0;  // patches a side
    std::optional<int64_t> numWindowed{}, numGlobal{};
    // Blocks from one global block to the next; 1: all blocks are global.
    int64_t period(int64_t depth) const;
};

// Of one block, where structures were cut out (core/compress/vit_structures.h).
struct RadioBlockSizes {
    int64_t headCount = 0, hidden = 0;
};

struct RadioConfig {
    std::string version, architecture;
    int64_t width = 0, depth = 0;
    int64_t headCount = 0;      // as trained: a head has width / headCount channels, however many are left
    nn::VitBlockOptions block;  // what all blocks share, with the sizes of the first
    std::vector<RadioBlockSizes> sizes;                  // of each block; empty: all have those of `block`
    std::optional<nn::TokenReductionSettings> tokens{};  // config.json's "token_reduction"
    double layerScaleValue = 1.0;                        // of LayerScale vectors that the file leaves out
    bool finalNorm = false;
    bool inner =
        false;  // trunk under "model.inner." (DINOv2-g style student): final norm on, summary is token 0

    int64_t patchSize = 16, channels = 3;
    int64_t gridSide = 0;          // side of the square position grid; 0: no positions
    bool croppedPositions = true;  // resize to the longer side, then crop; otherwise crop, then resize
    bool embedderBias = false, patchNorm = false;
    int64_t classTokens = 1, registers = 0;
    int64_t videoFrames = 0;  // frames that one video patch spans; 0: no video embedder
    std::vector<int64_t> summaryIndices{0};

    std::vector<double> mean{0.48145466, 0.4578275, 0.40821073};
    std::vector<double> std{0.26862954, 0.26130258, 0.27577711};

    int64_t preferredHeight = 224, preferredWidth = 224, maxSide = 0;
    RadioWindowing windowing;  // windowSize 0: off unless asked for
    std::vector<RadioAdaptorConfig> adaptors;
    bool featureNormalizer = false;
    int64_t normalizedIntermediates = 0;  // layers with stored statistics; 0: none
    bool rotationPerLayer = false;
    double spectralEpsilon = 1e-6;

    int64_t prefixTokens() const { return classTokens + registers; }
    nn::VitBlockOptions blockOptions(int64_t index) const;
};

// Where a checkpoint keeps its tensors.
struct RadioLayout {
    std::string trunk;  // "radio_model.model.", "radio_model.model.inner.", "base_model.", ...
    std::string root;   // "radio_model." or, for torch-hub files, what stands before "base_model."
    bool hub = false;   // torch-hub names (base_model, _heads, _feature_projections)
    bool inner = false;

    // Stored name of a tensor of this trunk, following spectral re-parametrisation; null if absent.
    const TensorInfo* find(const TensorSource& source, const std::string& trunkName) const;
};

// Finds the trunk by its patch generator, below `prefix` ("" or "vision_model."); nothing if there is none.
std::optional<RadioLayout> findRadioLayout(const TensorSource& source, const std::string& prefix = "");

// Errors: a field of the wrong type (JSON path), a size that contradicts the stored shapes, an architecture
// whose number of heads neither the table nor the configuration tells.
Result<RadioConfig> readRadioConfig(const Json& config, const TensorSource& source,
                                    const RadioLayout& layout);

}  // namespace vitrine
