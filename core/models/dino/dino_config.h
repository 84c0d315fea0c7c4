// Configurations of DINOv2 (model_type dinov2), DINOv2 with registers (dinov2_with_registers) and DINOv3 ViT
// (dinov3_vit), as published with their Hugging Face checkpoints. Absent keys take the documented defaults.
#pragma once

#include "core/base/json.h"
#include "core/nn/position_cache.h"
#include "core/nn/pre_norm_tower.h"

namespace vitrine::dino {

struct DinoConfig {
    std::string modelType;  // "dinov2", "dinov2_with_registers" or "dinov3_vit"
    nn::TowerOptions tower;
    nn::GridSize imageSize{224, 224}, patchSize{14, 14};
    int64_t registerCount = 0;
    int64_t channels = 3;
    // Position of the patches: a learned table (its resizing with or without antialias), or axial RoPE.
    bool rotary = false, antialiasPositions = false;
    double ropeTheta = 100;
    int64_t labelCount = 0;  // of the linear classifier, 0: none
    // Names of embeddings, final norm and of the patch projection inside the embeddings.
    std::string finalNorm, patchProjection;
    // As a backbone: which hidden states (0..depth), normalised by the final norm or not, as maps without
    // prefix tokens or as token rows.
    std::vector<int64_t> outIndices;
    bool normalizesMaps = true, reshapesMaps = true;

    bool isV3() const { return rotary; }
    int64_t prefixCount() const { return 1 + registerCount; }
    nn::GridSize storedGrid() const {
        return {imageSize.height / patchSize.height, imageSize.width / patchSize.width};
    }
};

bool isDinoType(const std::string& modelType);

// `where` names the section in errors ("config.json"). Unsupported for another model_type.
Result<DinoConfig> dinoConfigFrom(const Json& config, const std::string& where);

}  // namespace vitrine::dino
