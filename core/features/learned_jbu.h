// FeatUp's joint bilateral upsampler with trained weights (Fu et al. 2024, section 3.1, and the released
// checkpoints' tensor names): four levels "up1".."up4", each doubling the map, and a final 1x1 layer.
#pragma once

#include "core/features/upsample.h"

#include <map>
#include <string>

namespace vitrine {

// One level: taps = range x spatial kernel, normalised, plus 0.1 times a small network of taps and guidance.
struct LearnedJbuLevel {
    at::Tensor keyWeight1, keyBias1, keyWeight2, keyBias2;  // range_proj.0, range_proj.3
    at::Tensor fixWeight1, fixBias1, fixWeight2, fixBias2;  // fixup_proj.0, fixup_proj.3; undefined: none
    double temperature = 1;                                 // exp(range_temp), clamped to [1e-4, 1e4]
    double sigmaSpatial = 1;                                // sigma_spatial
    int64_t radius = 3;

    // guidance (B, 3, H, W) -> (B, K, H, W).
    at::Tensor keys(const at::Tensor& guidance) const;
    // softmax over the neighbours alone, (B, D*D, H, W).
    at::Tensor rangeKernel(const at::Tensor& guidance) const;
    // (1, D*D, 1, 1).
    at::Tensor spatialKernel() const;
    // (B, D*D, H, W), after the fix-up network.
    at::Tensor taps(const at::Tensor& guidance) const;
    // source (B, C, h, w) enlarged to the guidance's size.
    at::Tensor upsample(const at::Tensor& source, const at::Tensor& guidance) const;
};

class LearnedJbu {
  public:
    // Errors name the missing or misshapen tensor.
    static Result<LearnedJbu> fromTensors(const std::map<std::string, at::Tensor>& tensors);

    // source (C, h, w), guidance (3, H, W): the stack, 2^levels times larger. Full-channel path.
    Result<at::Tensor> upsample(const at::Tensor& source, const at::Tensor& guidance) const;
    // Taps of all levels for display; the final layer is folded into the projection instead:
    // P (x + 0.1 (W x + b)) = (P + 0.1 P W) x + 0.1 P b.
    Result<JbuTaps> taps(const at::Tensor& guidance, int64_t gridHeight, int64_t gridWidth) const;
    struct FoldedProjection {
        at::Tensor components;  // (K, C)
        at::Tensor offset;      // (K), to add after projecting with mean 0
    };
    Result<FoldedProjection> fold(const at::Tensor& components) const;

    int64_t levelCount() const { return int64_t(levels_.size()); }
    const LearnedJbuLevel& level(int64_t index) const { return levels_[size_t(index)]; }

  private:
    std::vector<LearnedJbuLevel> levels_;
    at::Tensor finalWeight_, finalBias_;  // fixup_proj.1, (C, C), (C); undefined: none
};

}  // namespace vitrine
