// The convolutional RADIO trunk as one trainable module. Names: "radio_model.model._conv_stem...",
// "radio_model.model._blocks.3..." (EfficientNet-Lite, as its checkpoints have them),
// "radio_model.model.neck...", "radio_model.adaptors.NAME.head_mlp|feat_mlp...",
// "radio_model.input_conditioner.norm_mean|norm_std".
//
// The neck brings the last map of each stride to one grid and width (normalise, 1x1 convolution, mean over
// cells or bilinear enlargement), adds them up, and refines the sum by residual blocks of a depthwise 3x3
// convolution and an MLP (ConvNeXt, Liu et al. 2022).
#pragma once

#include "core/models/radio/adaptor.h"
#include "core/models/radio/convolutional_config.h"

namespace vitrine {

class ConvolutionalRadioModule : public torch::nn::Module {
  public:
    explicit ConvolutionalRadioModule(const ConvolutionalRadioConfig& config);
    ~ConvolutionalRadioModule() override;

    const ConvolutionalRadioConfig& config() const { return config_; }

    struct Maps {
        std::vector<at::Tensor> levels;  // as efficientnet::Network::maps
        at::Tensor features;             // (B, neckWidth, H / patch, W / patch)
        at::Tensor summary;              // (B, headWidth)
    };
    // pixels (B, 3, H, W) in [0, 1], both sides multiples of config().sizeMultiple().
    Maps forward(const at::Tensor& pixels) const;
    // Null if there is none of that name.
    const Adaptor* adaptor(const std::string& name) const;

    // Whether a parameter belongs to the blocks that a started trunk brings, rather than to neck and heads.
    static bool isTrunk(const std::string& parameterName);

  private:
    struct Parts;
    ConvolutionalRadioConfig config_;
    std::unique_ptr<Parts> parts_;
};

}  // namespace vitrine
