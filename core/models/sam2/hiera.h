// The backbone of SAM 2: Hiera (Ryali et al. 2023) as its detection variant (Bolya et al. 2023). Four stages
// of transformer blocks attend inside windows, some globally; the first block of a stage halves the map by
// pooling its queries. Maps are (B, H, W, C) inside.
#pragma once

#include "core/base/json.h"
#include "core/nn/layers.h"

namespace vitrine::sam2 {

struct HieraSizes {
    std::vector<int64_t> widths{96, 192, 384, 768}, blocks{1, 2, 7, 2}, heads{1, 2, 4, 8},
        windows{8, 4, 14, 7};
    std::vector<int64_t> globalBlocks{5, 7, 9};
    std::vector<int64_t> backgroundGrid{7, 7};  // of the position table that is stretched over the picture
    int64_t imageHeight = 1024, imageWidth = 1024, inputChannels = 3, patchKernel = 7, patchStride = 4,
            patchPadding = 3, queryStride = 2, pooledStages = 3;
    double mlpRatio = 4, layerNormEpsilon = 1e-6;
    std::string activation = "gelu";

    int64_t depth() const;
    // Pixels per cell of a stage's output.
    int64_t stageStride(size_t stage) const;
};
// backbone_config of a SAM 2 vision_config; absent keys take the published defaults.
Result<HieraSizes> hieraSizesFrom(const Json& config);

class HieraBlock;

class Hiera : public torch::nn::Module {
  public:
    explicit Hiera(const HieraSizes& sizes);
    // pixels (B, 3, H, W), sides multiples of patchStride · windows[0]. States 0..depth, each (B, h, w, C):
    // 0 after the embeddings, k after block k.
    std::vector<at::Tensor> hiddenStates(const at::Tensor& pixels) const;
    // Number of the state that is a stage's output.
    size_t stageEnd(size_t stage) const;

    const HieraSizes sizes;

  private:
    at::Tensor positions(int64_t height, int64_t width) const;

    std::shared_ptr<nn::Conv2d> projection_;
    at::Tensor background_, window_;
    std::vector<std::shared_ptr<HieraBlock>> blocks_;
};

}  // namespace vitrine::sam2
