// The mask decoder of Segment Anything: a two-way transformer between prompt tokens and image features, then
// one small network per mask token.
#pragma once

#include "core/models/sam/two_way_transformer.h"

namespace vitrine::sam {

struct DecodedMasks {
    at::Tensor masks;   // (B, P, masks, 4h, 4w) logits
    at::Tensor scores;  // (B, P, masks) predicted intersection over union
};

class MaskDecoder : public torch::nn::Module {
  public:
    explicit MaskDecoder(const DecoderSizes& sizes);
    // image (B, C, h, w), positions (1, C, h, w), sparse (B, P, N, C) or undefined, dense (B, C, h, w).
    DecodedMasks forward(const at::Tensor& image, const at::Tensor& positions, const at::Tensor& sparse,
                         const at::Tensor& dense, bool multimask) const;

  private:
    DecoderSizes sizes_;
    std::shared_ptr<nn::Embedding> iouToken_, maskTokens_;
    std::shared_ptr<TwoWayTransformer> transformer_;
    std::shared_ptr<nn::ConvTranspose2d> upscale1_, upscale2_;
    std::shared_ptr<nn::LayerNorm2d> upscaleNorm_;
    std::vector<std::shared_ptr<FeedForward>> maskNetworks_;
    std::shared_ptr<FeedForward> iouHead_;
};

}  // namespace vitrine::sam
