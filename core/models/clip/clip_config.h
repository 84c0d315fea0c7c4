// Configurations of CLIP (Radford et al. 2021) in its two published layouts: Hugging Face (model_type clip,
// clip_vision_model, clip_text_model) and open_clip (open_clip_config.json). Both describe one network;
// tensor names and the orientation of the projections differ.
#pragma once

#include "core/io/model_folder.h"
#include "core/nn/position_cache.h"
#include "core/nn/pre_norm_tower.h"

#include <optional>

namespace vitrine::clip {

enum class ImagePooling { ClassToken, PatchMean, AllMean };
enum class TextPooling {
    HighestId,  // the token with the highest id: the end token of the original vocabulary
    EndToken,   // the first end token
    First,
    Last
};

struct VisionConfig {
    nn::TowerOptions tower;
    nn::GridSize imageSize{224, 224}, patchSize{32, 32};
    int64_t channels = 3;
    bool preNorm = true;           // LayerNorm in front of the blocks
    bool normsBeforePool = false;  // final LayerNorm on all tokens rather than on the pooled one
    ImagePooling pooling = ImagePooling::ClassToken;
    bool antialiasPositions = false;  // of resized position tables
    // Names inside the checkpoint.
    std::string classToken, patchProjection, positions, preNormName, postNormName, projection;

    nn::GridSize storedGrid() const {
        return {imageSize.height / patchSize.height, imageSize.width / patchSize.width};
    }
};

struct TextConfig {
    nn::TowerOptions tower;
    int64_t vocabulary = 49408, contextLength = 77;
    bool causal = true;
    TextPooling pooling = TextPooling::HighestId;
    int64_t endToken = 49407;
    std::string tokens, positions, finalNorm, projection;
};

struct ClipConfig {
    std::string layout;  // "clip" or "open_clip"
    std::optional<VisionConfig> vision;
    std::optional<TextConfig> text;
    int64_t embeddingWidth = 512;
    bool hasProjections = true;
    // open_clip stores projections as (in, out) matrices, transformers as linear layers (out, in).
    bool transposedProjections = false;
    bool hasLogitScale = true, hasLogitBias = false;
    double initialLogitScale = 2.6592;
};

bool isClipFolder(const ModelFolder& folder);
Result<ClipConfig> clipConfigFrom(const ModelFolder& folder);

// The two layouts.
Result<ClipConfig> transformersClipConfig(const Json& config, const TensorSource* weights);
Result<ClipConfig> openClipConfig(const Json& config, const TensorSource* weights);

}  // namespace vitrine::clip
