// Feature maps as small pictures in the colours of a basis: what jobs keep of the pictures they look at.
#pragma once

#include "core/features/pca.h"
#include "core/media/image.h"

namespace vitrine {

// (H, W, 3) bytes.
Image imageOfColors(const at::Tensor& colors);
// features (C, h, w) on any device -> their first three components as colours, each cell a square of whole
// pixels, as large as go into `side` pixels (at least one). ShapeMismatch for another space than the basis's.
Result<Image> pcaPicture(const at::Tensor& features, const PcaBasis& basis, int64_t side);

}  // namespace vitrine
