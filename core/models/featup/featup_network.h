// FeatUp's joint bilateral stack (Fu et al. 2024, section 3.1) as a module that can be trained, under the
// names of the released checkpoints. core/features/learned_jbu.h has the same function for display.
#pragma once

#include "core/models/featup/featup_config.h"
#include "core/nn/layers.h"

#include <memory>
#include <vector>

namespace vitrine::featup {

// Doubles a map: bilateral filters plus 0.1 times a small network of filters and guidance.
class FeatUpLevel : public torch::nn::Module {
  public:
    FeatUpLevel();
    // source (B, C, h, w), guidance (B, 3, 2h, 2w). `dropout`: that of training, drawn from it.
    at::Tensor forward(const at::Tensor& source, const at::Tensor& guidance,
                       const at::Generator* dropout = nullptr) const;

  private:
    std::shared_ptr<nn::Conv2d> key1_, key2_, fix1_, fix2_;
    at::Tensor rangeTemperature_, sigmaSpatial_;
};

class FeatUpNetwork {
  public:
    FeatUpNetwork(torch::nn::Module& root, const FeatUpConfig& config);
    // The encoder's features (B, C, h, w), normalised if the configuration says so: what is upsampled and
    // what views are compared in.
    at::Tensor prepared(const at::Tensor& features) const;
    // prepared features, picture (B, 3, H, W) as the encoder takes it -> (B, C, h f, w f), f = 2^levels.
    at::Tensor forward(const at::Tensor& prepared, const at::Tensor& picture,
                       const at::Generator* dropout = nullptr) const;
    const FeatUpConfig& config() const { return config_; }

  private:
    FeatUpConfig config_;
    std::vector<std::shared_ptr<FeatUpLevel>> levels_;
    std::shared_ptr<nn::Conv2d> last_;
    std::shared_ptr<nn::LayerNorm2d> norm_;
};

}  // namespace vitrine::featup
