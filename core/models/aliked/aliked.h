// ALIKED (Zhao et al. 2023): a small network of dense local features for matching; four stages (the last two
// with deformable convolutions), gathered at full resolution. Names of the published checkpoints (block1,
// block3.conv1.offset_conv, conv4). Keypoint detection and sparse descriptors are left out.
#pragma once

#include "core/models/model.h"

namespace vitrine {

// Its features are unit vectors per pixel; as an encoder it gives their means over cells of 8x8 pixels (the
// stride of its third stage). Layers 0..3: outputs of the stages; layer 4: the features of every pixel.
ModelFamily alikedFamily();

}  // namespace vitrine
