// What attends to what: maps of single layers and rollout through all of them.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

enum class HeadFusion { Mean, Max };

struct RolloutOptions {
    HeadFusion fusion = HeadFusion::Mean;
    double residual = 0.5;  // share of the skip connection: residual I + (1 - residual) A
};

// attention (heads, T, T), rows are queries -> (T, T). `head` picks one; -1 fuses all. Errors: no such head.
Result<at::Tensor> fuseHeads(const at::Tensor& attention, int64_t head = -1,
                             HeadFusion fusion = HeadFusion::Mean);

// From the query token `token` to the patches: (gridHeight, gridWidth); `prefix` tokens in front are left
// out. `fused` (T, T) with T = prefix + gridHeight gridWidth.
Result<at::Tensor> attentionMap(const at::Tensor& fused, int64_t token, int64_t prefix, int64_t gridHeight,
                                int64_t gridWidth);

// Attention rollout (Abnar and Zuidema 2020, eq. 1): product over layers, first layer rightmost, of
// residual I + (1 - residual) A with rows renormalised. layers: each (heads, T, T). Rows sum to one.
Result<at::Tensor> attentionRollout(const std::vector<at::Tensor>& layers,
                                    const RolloutOptions& options = {});

}  // namespace vitrine
