// ResNets for 32x32 pictures (He et al. 2016, section 4.2): three stages of 16, 32 and 64 channels, option A
// shortcuts (every second pixel, missing channels zero), names of the widely used PyTorch checkpoints (conv1,
// layer2.0.bn1, linear).
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily resnetCifarFamily();

}  // namespace vitrine
