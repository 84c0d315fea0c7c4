// Between the common interface of segmenters and the prompts that SAM and SAM 2 take.
#pragma once

#include "core/models/encoder.h"
#include "core/models/sam/sam_prompt.h"

namespace vitrine::sam {

// Prompts of one picture: all points as one prompt (with at most one box), or a prompt per box. Unsupported
// for text and for boxes of what is not wanted, InvalidArgument for an empty prompt or wrong shapes.
// `where` names the model in errors; tensors go to `device`.
Result<Prompts> promptsFrom(const SegmentPrompt& prompt, const std::string& where, at::Device device);

// A single point may mean a part or the whole: the decoder then gives better masks with its alternatives.
bool wantsAlternatives(const SegmentPrompt& prompt);

// masks (1, P, K, h, w), scores (1, P, K): all, or the best of each prompt.
Segmentation segmentationFrom(const at::Tensor& masks, const at::Tensor& scores, bool all);

}  // namespace vitrine::sam
