// MambaVision (Hatamizadeh and Kautz 2024): what a checkpoint is, read from config.json field by field.
#pragma once

#include "core/models/radio/radio_config.h"

#include <array>

namespace vitrine::mambavision {

constexpr size_t kLevels = 4;           // two of convolutions, two of mixers and attention
constexpr size_t kFirstTokenLevel = 2;  // the first with windows of tokens

struct MambaVisionConfig {
    int64_t width = 80;      // of the first level; doubles per level
    int64_t stemWidth = 32;  // between the two convolutions of the stem
    std::array<int64_t, kLevels> depths{1, 3, 8, 4};
    std::array<int64_t, kLevels> headCounts{2, 4, 8, 16};
    std::array<int64_t, kLevels> windows{8, 8, 14, 7};  // tokens a side; the last two count
    double mlpRatio = 4;
    bool layerScale = false;      // gamma_1 and gamma_2 of token blocks
    bool convLayerScale = false;  // gamma of convolution blocks
    int64_t classCount = 1000;    // 0: no head
    int64_t imageSide = 224;
    std::vector<double> mean{0.485, 0.456, 0.406}, std{0.229, 0.224, 0.225};
    std::string cropMode = "center";
    double cropShare = 1;  // crop_pct: side of the crop over the shorter side of the resized picture
    std::vector<RadioAdaptorConfig> adaptors;  // heads of a distilled one, one pair for each teacher

    int64_t widthOf(size_t level) const { return width << level; }
    // Blocks of a token level that are mixers; the rest, at its end, is attention.
    int64_t mixerCount(size_t level) const { return (depths[level] + 1) / 2; }
    // In the form of preprocessor_config.json.
    Json preprocessor() const;
    // config.json.
    Json json() const;
};

// Errors name the JSON path.
Result<MambaVisionConfig> mambaVisionConfigFrom(const Json& json, const std::string& where);

// The published variants by name: T, T2, S, B, L, L2, L2-512, L3-256, L3-512.
const std::vector<std::pair<std::string, MambaVisionConfig>>& publishedMambaVisions();

}  // namespace vitrine::mambavision
