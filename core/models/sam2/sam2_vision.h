// The image encoder of SAM 2 (Ravi et al. 2024): Hiera and a feature pyramid over its stages.
#pragma once

#include "core/models/sam2/hiera.h"

namespace vitrine::sam2 {

struct VisionSizes {
    HieraSizes backbone;
    std::vector<int64_t> channels{768, 384, 192, 96};  // of the stages, last one first
    std::vector<int64_t> topDownLevels{2, 3};          // stages that also get the coarser level
    int64_t width = 256, kernel = 1, stride = 1, padding = 0, levelCount = 3;
};
// vision_config of a "sam2" model; absent keys take the published defaults.
Result<VisionSizes> visionSizesFrom(const Json& config);

struct VisionOutput {
    std::vector<at::Tensor> states;     // hidden states of the backbone, (B, h, w, C)
    std::vector<at::Tensor> levels;     // of the pyramid, finest first, (B, width, h, w)
    std::vector<at::Tensor> positions;  // sine positions of each level, (B, width, h, w)
};

class VisionEncoderModule : public torch::nn::Module {
  public:
    explicit VisionEncoderModule(const VisionSizes& sizes);
    VisionOutput forward(const at::Tensor& pixels) const;
    int64_t depth() const { return sizes.backbone.depth(); }

    const VisionSizes sizes;

  private:
    std::shared_ptr<Hiera> backbone_;
    std::vector<std::shared_ptr<nn::Conv2d>> lateral_;  // for the last stage first
};

}  // namespace vitrine::sam2
