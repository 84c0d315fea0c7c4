// Losses of multi-view training: the fine features, seen as a view and downsampled, against the encoder's own
// features of that view.
#pragma once

#include "core/upsampling/view_warps.h"

#include <ATen/ATen.h>

namespace vitrine {

// g of FeatSharp: 2 on the two rows and columns of cells at every seam between tiles, else 1;
// (1, 1, grid·factor, grid·factor).
at::Tensor seamWeights(int64_t grid, int64_t factor, double weight = 2);

// One view of the batch.
struct ViewComparison {
    at::Tensor predicted;    // (B, C, n, n): downsampled features of the view
    at::Tensor target;       // (B, C, n, n): the encoder's
    at::Tensor weight;       // (B, n, n): g as the view sees it, mean 1; undefined: 1
    at::Tensor valid;        // (B, n, n): 0 and 1, places that lie inside the base picture
    at::Tensor uncertainty;  // (B, n, n): u as the view sees it; undefined: 0
};

// Mean over the batch of  Σ valid g e^{-u} mean_c (p - t)² / max(Σ valid, half of the map). Training adds
// mean(u) / 2 over the base picture, which keeps u from growing.
at::Tensor featSharpViewLoss(const ViewComparison& view);

// A map on the fine grid (1 or B, 1, H, W) as the view sees it on its coarse grid: (B, n, n).
at::Tensor onViewGrid(const at::Tensor& fine, const at::Tensor& baseFromView, int64_t grid,
                      WarpAnchor anchor);
// Divided by its mean over each picture.
at::Tensor withMeanOne(const at::Tensor& weight);

// FeatUp: mean of (p - t)² / (2 ŝ²) + log ŝ. predicted, target (B, D, n, n); deviation (B, 1, n, n).
at::Tensor featUpViewLoss(const at::Tensor& predicted, const at::Tensor& target, const at::Tensor& deviation);

// (B, C, D): columns of length 1, for losses on a random projection. Draws from `random`.
at::Tensor randomProjection(int64_t batch, int64_t channels, int64_t width, const at::Generator& random);
// map (B, C, H, W) -> (B, D, H, W).
at::Tensor project(const at::Tensor& map, const at::Tensor& projection);

// FeatUp's conditional random field on `samples` places of each picture: mean over pairs of |f - f'|² times
// 10 exp(-Δxy² / 0.2 - Δrgb² / 0.3) + 3 exp(-Δxy² / 0.01), places relative to the picture's sides. picture
// (B, 3, H, W), features (B, D, H, W).
at::Tensor sampledCrf(const at::Tensor& picture, const at::Tensor& features, int64_t samples,
                      const at::Generator& random);

}  // namespace vitrine
