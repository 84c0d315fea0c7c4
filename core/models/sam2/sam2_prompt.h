// Prompts of SAM 2: as those of SAM, but with one table of point kinds and a padding token after a box.
#pragma once

#include "core/models/sam/sam_prompt.h"

namespace vitrine::sam2 {

class PromptEncoder : public torch::nn::Module {
  public:
    explicit PromptEncoder(const sam::PromptSizes& sizes);
    // (B, P, N', C): one embedding per point and box corner and one of padding. Without points and boxes one
    // point that is none, so it is always defined.
    at::Tensor sparse(const sam::Prompts& prompts, int64_t batch) const;
    // (B, C, h, w).
    at::Tensor dense(const sam::Prompts& prompts, int64_t batch) const;

    const sam::PromptSizes sizes;

  private:
    at::Tensor embedPoints(at::Tensor points, at::Tensor labels, bool pad) const;
    at::Tensor embedBoxes(const at::Tensor& boxes) const;

    std::shared_ptr<sam::PositionalEmbedding> positions_;
    std::shared_ptr<nn::Embedding> pointKinds_, notAPoint_, noMask_;
    std::shared_ptr<nn::Conv2d> conv1_, conv2_, conv3_;
    std::shared_ptr<nn::LayerNorm2d> norm1_, norm2_;
    nn::Activation activation_;
};

}  // namespace vitrine::sam2
