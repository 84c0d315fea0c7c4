// Dropout of whole channels, as FeatUp's networks have it in training.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::featup {

// map (B, C, H, W): each channel of each picture is left out with probability `share`, the others are raised
// to keep the mean. Without `random` the map as it is.
at::Tensor withoutChannels(const at::Tensor& map, double share, const at::Generator* random);

}  // namespace vitrine::featup
