// Losses of feature distillation (AM-RADIO section 3, PHI-S section 4, RADIOv2.5 section 4, C-RADIOv4). All
// are differentiable in both arguments unless a header comment says otherwise, compute 16-bit input in
// float32, and may throw c10::Error for shapes that do not fit: options are checked before training starts.
//
// A distance of vectors takes two tensors of one shape and the dimension of the channels (1 of maps (B, C, h,
// w), -1 of tokens (..., C) and summaries (B, C)) and gives one value per vector: the shape without that
// dimension. A loss is the mean of distances over the places that count (meanOver).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace vitrine {

// 1 - a·b / (|a| |b|), in [0, 2]; a vector shorter than 1e-8 counts as having that length.
at::Tensor cosineDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension);
// Mean over channels of (a - b)². The papers write a sum; the mean keeps teachers of different widths
// comparable.
at::Tensor meanSquaredDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension);
// Mean over channels of d² / (2 knee) for |d| < knee, else |d| - knee / 2.
at::Tensor smoothL1Distance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension,
                            double knee = 1);

// share * cosine + (1 - share) * SmoothL1: L_match of AM-RADIO, eq. 3 (0.9 and 0.1), "Hyb-SmL1" of PHI-S.
struct MatchOptions {
    double cosineShare = 0.9;
    double knee = 1;  // of SmoothL1
};
at::Tensor matchDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension,
                         const MatchOptions& options = {});
// share * cosine + (1 - share) * mean square: "Hyb-MSE" of PHI-S.
at::Tensor hybridSquaredDistance(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension,
                                 double cosineShare = 0.9);

// Θ², the squared angle between vectors in radians², in [0, π²]. From the chord |â - b̂| = 2 sin(Θ / 2), not
// from arccos, whose rounding error near Θ = 0 is 3e-4 rad in float32 and whose derivative is infinite there:
// this one is accurate to a few units in the last place and its gradient is finite everywhere (0 within 7e-4
// rad of Θ = π, where Θ² has a kink).
at::Tensor squaredAngle(const at::Tensor& a, const at::Tensor& b, int64_t channelDimension = -1);
// C-RADIOv4's balanced summary loss: mean Θ² / dispersion; `dispersion` as SummaryCone gives it
// (summary_dispersion.h). prediction, target (..., C) -> scalar. The constant prediction of the cone's axis
// has expected loss 1.
at::Tensor angleLoss(const at::Tensor& prediction, const at::Tensor& target, double dispersion);

// Each vector of a map (B, C, h, w) to mean 0 and variance 1 (eps 1e-6): LN without weights, what C-RADIOv4's
// MESA compares.
at::Tensor plainLayerNorm(const at::Tensor& map);

// Mean of `distances` over the places where `mask` (broadcastable to them, bool or 0 and 1) holds; over all
// without one. No place at all gives 0 with zero gradients, not NaN: an empty overlap teaches nothing.
at::Tensor meanOver(const at::Tensor& distances, const at::Tensor& mask = {});

}  // namespace vitrine
