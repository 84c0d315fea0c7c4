// Sums over the rows of one chunk of features, channel by channel: the part of the statistics that needs no
// matrix product. Internal to FeatureMoments.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// All (C); sums float64, around the chunk's own mean.
struct ChannelSums {
    int64_t count = 0;
    at::Tensor mean;
    at::Tensor second, third, fourth;  // sums of (x - mean)^2, ^3, ^4
    at::Tensor low, high;              // extremes, of the rows' own type
};

struct CentredChunk {
    ChannelSums sums;
    // (N, C): rows minus `centre`, in their own type. The centre is the mean rounded to that type, so that
    // sum (x - mean)(x - mean)ᵀ = centredᵀ centred - N δ δᵀ with δ = mean - centre exactly.
    at::Tensor centred;
    at::Tensor centre;  // (C)
};

// rows (N, C) contiguous, N >= 1, finite, float32 or float64. On the CPU one threaded pass for the centre and
// one for the rest, sums of 32 rows in the rows' type and then in float64; on other devices by LibTorch's
// operators in float64.
CentredChunk centreChunk(const at::Tensor& rows);
// The operators' path on any device, for comparison.
CentredChunk centreChunkWithOperators(const at::Tensor& rows);

// Joins the sums of two sets of rows (Pébay 2008, eq. 2.1 for orders two to four); `into` may be empty (count
// 0).
void joinSums(ChannelSums& into, const ChannelSums& more);

}  // namespace vitrine
