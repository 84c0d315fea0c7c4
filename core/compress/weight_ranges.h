// How far the groups that share a scale reach, and where the rounding error lies: a few wide groups, or a few
// loud inputs, may make most of a layer's error.
#pragma once

#include "core/base/json.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

struct WeightRanges {
    // Bin b: magnitudes of 2^(-b/2) down to 2^(-(b+1)/2) of the largest; the last one: all that are smaller.
    static constexpr int64_t kBins = 24;

    int64_t groupWidth = 0;               // inputs that share a scale
    double widest = 0, medianGroup = 0;   // largest magnitude of all weights; median of the groups' largest
    double loudest = 0, medianInput = 0;  // root mean squares of inputs over the calibrated tokens
    std::vector<int64_t> groups;          // how many have their largest magnitude in each bin
    std::vector<int64_t> inputs;          // the same of inputs, by root mean square
    // Parts of Σ c_j ΔW_ij² in the groups of each bin, c_j the mean square of input j; 0 without an error.
    std::vector<double> error;

    Json json() const;  // trailing empty bins left out
};

// dense, rounded (o, k) floating; inputSquares (k): mean squares of the inputs.
WeightRanges weightRanges(const at::Tensor& dense, const at::Tensor& rounded, int64_t groupWidth,
                          const at::Tensor& inputSquares);

}  // namespace vitrine
