// Vision encoders for the compression driver.
#pragma once

#include "core/compress/block_model.h"
#include "core/models/model.h"

#include <memory>

namespace vitrine {

// Whether encoders of this family can be compressed: "radio" (its ViTs) and "vit_cifar".
bool isCompressibleEncoder(const std::string& family);

// `pictures`: pixels (B, 3, H, W) as the encoder takes them, one batch each. The model outlives the result.
// Unsupported names the family where there are no blocks of linear layers to compress.
Result<std::unique_ptr<BlockModel>> encoderBlocks(Model& model, std::vector<at::Tensor> pictures);

}  // namespace vitrine
