// The mask decoder of SAM 2: SAM's with finer feature levels, a score for "is there an object", and a choice
// of the best mask where the single one is unstable.
#pragma once

#include "core/models/sam/two_way_transformer.h"

namespace vitrine::sam2 {

struct DecoderSizes {
    sam::DecoderSizes shared;
    bool chooseStable = true;  // dynamic_multimask_via_stability
    double stabilityDelta = 0.05, stabilityThreshold = 0.98;
};
// mask_decoder_config of a "sam2" model; absent keys take the published defaults.
Result<DecoderSizes> decoderSizesFrom(const Json& config);

struct DecodedMasks {
    at::Tensor masks;         // (B, P, masks, 4h, 4w) logits
    at::Tensor scores;        // (B, P, masks) predicted intersection over union
    at::Tensor objectScores;  // (B, P, 1) logits
};

class MaskDecoder : public torch::nn::Module {
  public:
    explicit MaskDecoder(const DecoderSizes& sizes);
    // The pyramid's two finest levels with fewer channels: (B, C / 8, 4h, 4w) and (B, C / 4, 2h, 2w).
    at::Tensor reduceFinest(const at::Tensor& level) const { return reduce0_->forward(level); }
    at::Tensor reduceSecond(const at::Tensor& level) const { return reduce1_->forward(level); }
    // levels: the two reduced ones and (B, C, h, w); positions (1, C, h, w), sparse (B, P, N, C),
    // dense (B, C, h, w).
    DecodedMasks forward(const std::vector<at::Tensor>& levels, const at::Tensor& positions,
                         const at::Tensor& sparse, const at::Tensor& dense, bool multimask) const;

  private:
    at::Tensor upscale(const at::Tensor& image, const std::vector<at::Tensor>& levels,
                       int64_t promptCount) const;
    DecodedMasks stableMasks(const DecodedMasks& all) const;

    DecoderSizes sizes_;
    std::shared_ptr<nn::Embedding> iouToken_, maskTokens_, objectToken_;
    std::shared_ptr<sam::TwoWayTransformer> transformer_;
    std::shared_ptr<nn::ConvTranspose2d> upscale1_, upscale2_;
    std::shared_ptr<nn::LayerNorm2d> upscaleNorm_;
    std::shared_ptr<nn::Conv2d> reduce0_, reduce1_;
    std::vector<std::shared_ptr<sam::FeedForward>> maskNetworks_;
    std::shared_ptr<sam::FeedForward> iouHead_, objectHead_;
};

}  // namespace vitrine::sam2
