// Two models or two layers side by side: where do they disagree, and how alike are their spaces?
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

struct DisagreementOptions {
    double ridge =
        1e-3;  // penalty relative to the mean eigenvalue of the covariance of the predicting features
};

struct Disagreement {
    at::Tensor error;   // (h, w) float32: |b - W a - c|^2 per patch over the mean |b - mean b|^2: 0 agrees, 1
                        // is as bad as the mean
    at::Tensor ranked;  // (h w) int64: patches by falling error
    double explained = 0;  // R^2 of the map over all patches
};

// How well the best affine map (ridge regression, in float64) turns features `a` (C, h, w) of one model into
// `b` (C', h', w') of another. Both are brought to a common grid, the coarser of each axis, by averaging
// areas. With fewer patches than channels the fit is nearly perfect unless the ridge holds it back: give many
// pictures to fitLinearMap and use predictionError instead. Errors: NaN, fewer than two patches.
Result<Disagreement> disagreement(const at::Tensor& a, const at::Tensor& b,
                                  const DisagreementOptions& options = {});

// The affine map itself, fitted on (N, C) and (N, C') tokens of the same places.
struct LinearMap {
    at::Tensor weight;    // (C', C) float64
    at::Tensor meanFrom;  // (C)
    at::Tensor meanTo;    // (C')
    double variance = 0;  // mean |b - mean b|^2 of the fit's targets
};
Result<LinearMap> fitLinearMap(const at::Tensor& from, const at::Tensor& to, double ridge = 1e-3);
Result<Disagreement> predictionError(const LinearMap& map, const at::Tensor& a, const at::Tensor& b);

// Linear centred kernel alignment (Kornblith et al. 2019, eq. 2-3): 1 for spaces equal up to rotation and
// scale. x (N, C), y (N, C'). Biased for N not much larger than the channels.
Result<double> linearCka(const at::Tensor& x, const at::Tensor& y);

// Minibatch CKA (Nguyen et al. 2021, eq. 4): unbiased HSIC1 (Song et al. 2012) of every batch, added up over
// batches, for all pairs of layers at once; holds one batch at a time. Each batch needs at least 4 samples.
class MinibatchCka {
  public:
    MinibatchCka(int64_t layersX, int64_t layersY);
    // One (n, C_l) tensor for each layer; n may differ between batches.
    Result<void> add(const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& y);
    // (layersX, layersY) float64. InvalidArgument before the first batch. Unbiased estimates of unrelated
    // layers may be a little below 0.
    Result<at::Tensor> matrix() const;

  private:
    at::Tensor cross_, selfX_, selfY_;
    int64_t batches_ = 0;
};

}  // namespace vitrine
