// Configurations of SigLIP (Zhai et al. 2023) and SigLIP 2 (Tschannen et al. 2025): fixed resolution
// (model_type siglip) and NaFlex (model_type siglip2), and their towers alone (siglip_vision_model,
// siglip_text_model, ...).
#pragma once

#include "core/io/model_folder.h"
#include "core/nn/position_cache.h"
#include "core/nn/pre_norm_tower.h"

#include <optional>

namespace vitrine::siglip {

struct VisionConfig {
    nn::TowerOptions tower;
    nn::GridSize storedGrid{14, 14};  // of the position table
    int64_t patchSize = 16, channels = 3;
    bool naflex = false;  // patches as rows of a linear layer, positions resized with antialias
    bool hasHead = true;  // attention pooling
};

struct TextConfig {
    nn::TowerOptions tower;
    int64_t vocabulary = 32000, contextLength = 64, projectionWidth = 768;
};

struct SiglipConfig {
    std::string modelType;
    std::optional<VisionConfig> vision;
    std::optional<TextConfig> text;
};

bool isSiglipType(const std::string& modelType);
Result<SiglipConfig> siglipConfigFrom(const ModelFolder& folder);

}  // namespace vitrine::siglip
