// The image encoder of SAM 3 (Carion et al. 2025): a ViT with two-dimensional rotary positions whose blocks
// attend inside windows, some globally, and a feature pyramid made from its last map. Maps are (B, H, W, C)
// inside.
#pragma once

#include "core/base/json.h"
#include "core/nn/layers.h"

namespace vitrine::sam3 {

struct VisionSizes {
    int64_t width = 1024, depth = 32, headCount = 16, mlpWidth = 4736, patchSize = 14, imageSize = 1008,
            pretrainImageSize = 336, windowSize = 24, inputChannels = 3, pyramidWidth = 256;
    double layerNormEpsilon = 1e-6, ropeTheta = 10000;
    std::string activation = "gelu";
    std::vector<int64_t> globalLayers{7, 15, 23, 31};
    std::vector<double> scales{4, 2, 1, 0.5};  // of the pyramid's levels against the ViT's map

    int64_t grid() const { return imageSize / patchSize; }
};
// vision_config of a "sam3" model; absent keys take the published defaults.
Result<VisionSizes> visionSizesFrom(const Json& config);

struct VisionOutput {
    std::vector<at::Tensor> states;     // 0..depth, each (B, h, w, C): 0 after the embeddings and their norm
    std::vector<at::Tensor> levels;     // (B, pyramidWidth, h · scale, w · scale)
    std::vector<at::Tensor> positions;  // sine positions of each level, same shapes
};

class VisionLayer;
class PyramidLevel;

class VisionEncoderModule : public torch::nn::Module {
  public:
    explicit VisionEncoderModule(const VisionSizes& sizes);
    // pixels (B, 3, imageSize, imageSize): the rotary tables are of that size.
    VisionOutput forward(const at::Tensor& pixels) const;
    // The level of the ViT's own stride, which the detector uses as image embedding.
    size_t embeddingLevel() const;

    const VisionSizes sizes;

  private:
    std::shared_ptr<nn::Conv2d> projection_;
    at::Tensor positions_;
    std::shared_ptr<nn::LayerNorm> norm_;
    std::vector<std::shared_ptr<VisionLayer>> layers_;
    std::vector<std::shared_ptr<PyramidLevel>> levels_;
};

}  // namespace vitrine::sam3
