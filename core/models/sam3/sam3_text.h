// The text side of SAM 3: a CLIP text tower whose tokens, not its pooled vector, go to the detector.
#pragma once

#include "core/models/clip/clip_network.h"

namespace vitrine::sam3 {

class TextEncoderModule : public torch::nn::Module {
  public:
    explicit TextEncoderModule(const clip::ClipConfig& config) : network_(*this, config) {}
    // Call once after loading weights.
    void finishLoading() { network_.finishLoading(); }
    // ids and mask (B, T), mask possibly undefined -> (B, T, text width) after the final norm.
    at::Tensor forward(const at::Tensor& ids, const at::Tensor& mask) const {
        return network_.text(ids, mask, {}).normed;
    }
    const clip::TextConfig& config() const { return *network_.config().text; }

  private:
    clip::ClipNetwork network_;
};

}  // namespace vitrine::sam3
