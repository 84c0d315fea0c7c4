// What a FeatSharp upsampler's folder says: config.json and the names of its tensors.
#pragma once

#include "core/io/model_folder.h"

namespace vitrine::featsharp {

// Where the smooth half of the fusion comes from; None: tiles alone.
enum class Guide { Bilateral, Jafar, Bilinear, None };

struct FeatSharpConfig {
    int64_t modelResolution = 224;  // side of the picture that the encoder takes
    int64_t patchSize = 16;
    int64_t featureWidth = 768;  // C
    int64_t factor = 2;          // u: finer grid per coarse grid, and tiles a side
    // "inputs": ["jbu", "tiles"] is FeatSharp; one of them alone is an arm that it is compared with, without
    // a fusion block.
    Guide guide = Guide::Bilateral;
    bool tiles = true;
    int64_t windowSize = 7;  // of the local attention
    bool layerNorm = true, attention = true, feedForward = true;
    int64_t jafarWidth = 128, jafarHeads = 4;
    bool normalizer = false, deBias = false;  // tensors normalizer.*, bias_buffer.*
    bool ownFeaturizer = false;               // tensors featurizer.conv.*: the folder brings its encoder

    bool fused() const { return tiles && guide != Guide::None; }
    int64_t grid() const { return modelResolution / patchSize; }  // n
    // Prime factors of `factor`, ascending: the bilateral levels.
    std::vector<int64_t> levels() const;
};

bool looksLikeFeatSharp(const ModelFolder& folder);
Result<FeatSharpConfig> featSharpConfigFrom(const ModelFolder& folder);

}  // namespace vitrine::featsharp
