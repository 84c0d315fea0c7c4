// Procedural pictures without labels: enough structure for frozen random networks to be told apart, made in
// no time.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// (count, 3, side, side) in [0, 1]: a colour gradient with three soft discs of random place, size, colour and
// stripes. Geometry is relative to the side, edges are a fortieth of it wide.
at::Tensor softScenes(int64_t count, int64_t side, const at::Generator& random);

}  // namespace vitrine
