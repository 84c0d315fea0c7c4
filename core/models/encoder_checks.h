// Checks that every encoder makes before it computes.
#pragma once

#include "core/models/encoder.h"

namespace vitrine {

// pixels must be (B, 3, H, W) floating, of a size that `info` accepts; the hint names the nearest accepted
// size.
Result<void> checkPixels(const EncoderInfo& info, const at::Tensor& pixels);
// Layers, attention layers and adaptors must exist.
Result<void> checkRequest(const EncoderInfo& info, const EncodeRequest& request);

}  // namespace vitrine
