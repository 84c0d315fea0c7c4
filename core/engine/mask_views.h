// Makes what the mask viewer shows: weights and masks from files, facts, pictures.
#pragma once

#include "core/compress/mask_set.h"
#include "core/engine/mask_view.h"

namespace vitrine {

// The mask of `source` for one weight (rows, columns); undefined for Kind::None. Errors: those of patterns;
// `masks` (for Kind::File) NotFound and ShapeMismatch.
Result<at::Tensor> maskFrom(const MaskSource& source, const std::string& tensor, const at::Tensor& weight,
                            const MaskSet* masks);

// weight float32 (rows, columns), masks uint8 of the same shape; `other` may be undefined. Contiguous, on the
// CPU.
MaskView makeMaskView(const MaskRequest& request, const at::Tensor& weight, const at::Tensor& mask,
                      const at::Tensor& other);

}  // namespace vitrine
