// SAM 3's detector, first half: the picture's cells learn what is looked for.
#pragma once

#include "core/models/sam3/sam3_geometry_encoder.h"

namespace vitrine::sam3 {

class DetectorEncoder : public torch::nn::Module {
  public:
    explicit DetectorEncoder(const StackSizes& sizes);
    // The cells conditioned on the prompt: (B, h·w, C).
    at::Tensor forward(const ImageCells& image, const PromptTokens& prompt) const;

  private:
    std::vector<std::shared_ptr<FusionLayer>> layers_;
};

}  // namespace vitrine::sam3
