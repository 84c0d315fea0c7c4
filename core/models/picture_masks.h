// Masks of a segmenter, brought from the model's input to the picture.
#pragma once

#include "core/nn/position_cache.h"

#include <ATen/ATen.h>

namespace vitrine {

// masks (..., K, h, w) that span a model input of `model` pixels, of which the picture fills `content` at the
// top left -> (..., K, picture height, picture width) float32, bilinear. As the references do it: where there
// is padding, to the model's size, cut, then to the picture's; else in one step.
at::Tensor masksOfPicture(const at::Tensor& masks, nn::GridSize model, nn::GridSize content,
                          nn::GridSize picture);

}  // namespace vitrine
