// The image encoder of Segment Anything (Kirillov et al. 2023): a ViT whose blocks attend inside windows,
// some globally, with decomposed relative positions, and a convolutional neck. Maps are (B, H, W, C) inside,
// as the checkpoints' names (vision_encoder.layers.N.attn.rel_pos_h, ...) have it.
#pragma once

#include "core/base/json.h"
#include "core/nn/layers.h"

namespace vitrine::sam {

struct VisionSizes {
    int64_t width = 768, depth = 12, headCount = 12, mlpWidth = 3072, patchSize = 16, imageSize = 1024,
            windowSize = 14, outputChannels = 256, inputChannels = 3;
    bool qkvBias = true, absolutePositions = true, relativePositions = true;
    double layerNormEpsilon = 1e-6;
    std::string activation = "gelu";
    std::vector<int64_t> globalLayers{2, 5, 8, 11};
};

// vision_config of a "sam" model; absent keys take the published defaults.
Result<VisionSizes> visionSizesFrom(const Json& config);

class VisionLayer;

class VisionEncoderModule : public torch::nn::Module {
  public:
    explicit VisionEncoderModule(const VisionSizes& sizes);
    // Hidden states 0..depth, each (B, h, w, C): 0 after the embeddings, k after layer k.
    std::vector<at::Tensor> hiddenStates(const at::Tensor& pixels) const;
    // Neck over the last hidden state: (B, outputChannels, h, w).
    at::Tensor neck(const at::Tensor& lastState) const;

    const VisionSizes sizes;

  private:
    std::shared_ptr<nn::Conv2d> projection_, neckConv1_, neckConv2_;
    std::shared_ptr<nn::LayerNorm2d> neckNorm1_, neckNorm2_;
    std::vector<std::shared_ptr<VisionLayer>> layers_;
    at::Tensor positions_;
};

}  // namespace vitrine::sam
