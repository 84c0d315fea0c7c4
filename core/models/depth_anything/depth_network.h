// Depth-Anything (Yang et al. 2024, V1 and V2): DINOv2 feature maps, a DPT neck (Ranftl et al. 2021) that
// brings them to four scales and fuses them from coarse to fine, and a convolutional head.
#pragma once

#include "core/models/dino/dino_network.h"

namespace vitrine::depth {

struct DepthConfig {
    dino::DinoConfig backbone;
    int64_t patchSize = 14;
    int64_t reassembleWidth = 384;  // channels of the backbone's maps
    std::vector<double> reassembleFactors{4, 2, 1, 0.5};
    std::vector<int64_t> neckWidths{48, 96, 192, 384};
    int64_t fusionWidth = 64, headWidth = 32;
    int64_t headInput = -1;  // which fused map the head takes; negative: from the end
    bool metric = false;
    double maxDepth = 1;
};

Result<DepthConfig> depthConfigFrom(const Json& config);

class ReassembleLayer;
class FusionLayer;

class DepthNetwork {
  public:
    DepthNetwork(torch::nn::Module& root, const DepthConfig& config);
    ~DepthNetwork();

    void finishLoading() { backbone_.finishLoading(); }
    const dino::DinoNetwork& backbone() const { return backbone_; }
    const DepthConfig& config() const { return config_; }
    // `maps` as backbone().featureMaps -> (B, h·patchSize, w·patchSize).
    at::Tensor depth(const std::vector<at::Tensor>& maps, nn::GridSize grid) const;

  private:
    std::vector<at::Tensor> fused(std::vector<at::Tensor> maps) const;

    DepthConfig config_;
    dino::DinoNetwork backbone_;
    std::vector<std::shared_ptr<ReassembleLayer>> reassemble_;
    std::vector<std::shared_ptr<FusionLayer>> fusion_;
    std::vector<std::shared_ptr<nn::Conv2d>> convs_;
    std::shared_ptr<nn::Conv2d> head1_, head2_, head3_;
};

}  // namespace vitrine::depth
