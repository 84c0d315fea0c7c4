// The encoder whose features are upsampled, as training sees it. It is never changed and gets no gradients.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <functional>
#include <string>

namespace vitrine {

struct FrozenEncoder {
    std::string name;
    std::string identity;  // hash of its weights or definition
    int64_t featureWidth = 0;
    int64_t patchSize = 16;  // pixels a side of one feature cell
    int64_t side = 224;      // of the square pictures that it is asked about, pixels; a multiple of the patch
    // (B, 3, H, W) in [0, 1] -> the same picture as the encoder takes it (mean and deviation). Guides see it
    // so.
    std::function<at::Tensor(const at::Tensor& pixels)> prepare;
    // prepared (B, 3, side, side) -> (B, featureWidth, side / patch, side / patch) float.
    std::function<Result<at::Tensor>(const at::Tensor& prepared)> features;

    int64_t grid() const { return side / patchSize; }
    // `features` without gradients; ShapeMismatch for another grid or width, InvalidArgument for values that
    // are not finite.
    Result<at::Tensor> look(const at::Tensor& prepared) const;
};

}  // namespace vitrine
