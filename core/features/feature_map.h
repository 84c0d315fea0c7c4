// Features of one picture together with where they came from. Views and jobs ask the map for coordinates;
// nobody recomputes strides by hand.
#pragma once

#include "core/media/image_transform.h"

#include <ATen/ATen.h>

namespace vitrine {

// What made a tensor: enough to make it again.
struct FeatureOrigin {
    std::string modelPath;
    std::string modelIdentity;  // ModelFolder::identity()
    std::string family;
    std::string imagePath;
    std::string imageHash;  // SHA-256 of the picture's file
    int64_t layer = -1;     // hidden state; -1: the final features
    std::string adaptor;    // empty: backbone
    std::string dtype = "float32";
    std::string device = "cpu";
    std::string codeVersion;

    Json toJson() const;
    static Result<FeatureOrigin> fromJson(const Json& json);
};

// features (C, H, W); transform.patchSize is the stride of H and W in model pixels. Published: never written
// again.
struct FeatureMap {
    at::Tensor features;
    at::Tensor summary;  // (S), undefined if the encoder has none
    at::Tensor prefix;   // (P, C) class, summary and register tokens, undefined if none
    ImageTransform transform;
    FeatureOrigin origin;

    int64_t channels() const { return features.size(0); }
    int64_t height() const { return features.size(1); }
    int64_t width() const { return features.size(2); }
    // (H·W, C), contiguous.
    at::Tensor tokens() const;
};

}  // namespace vitrine
