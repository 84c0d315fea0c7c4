// Feature maps at higher resolution. Maps are (C, h, w); guidance is the picture as the model saw it, RGB in
// [0,1], (3, H, W) float32, and sets the size of the result.
//
// Every upsampler here is linear in the features and treats channels alike, so projecting to three rows first
// and upsampling three channels gives the picture that upsampling all channels first would give, at a
// fraction of the work: views do the former (JbuTaps::apply on a projected map), jobs that store features the
// latter.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

enum class ResizeMode { Nearest, Bilinear, Bicubic };

// Sampling positions as in PyTorch's interpolate with align_corners=false. map (C, h, w) -> (C, height,
// width).
Result<at::Tensor> resizeFeatures(const at::Tensor& map, int64_t height, int64_t width, ResizeMode mode);

struct JbuOptions {
    int64_t radius = 3;       // window of 2 radius + 1, per level
    double sigmaSpatial = 1;  // in half window widths
    double sigmaRange = 0.1;  // in units of the guidance (RGB in [0,1])
    bool halfTaps = true;     // keep the weights as float16: half the memory; error below 1e-3 of the result

    Result<void> validate() const;
};

// The weights of joint bilateral upsampling for one picture and grid, all levels: they depend on the picture
// alone, so changing basis, layer or probe reuses them. Immutable; shared between threads freely.
class JbuTaps {
  public:
    // Without trained weights, for any encoder: a stack of levels that double the grid until the guidance's
    // size is reached (the last level ends there), each a bicubic enlargement filtered by Kopf et al.'s
    // kernel (2007, eq. 3) on the guidance averaged to that level's size. Errors: a guidance smaller than the
    // grid.
    static Result<JbuTaps> guided(const at::Tensor& guidance, int64_t gridHeight, int64_t gridWidth,
                                  const JbuOptions& options = {});
    // Levels with taps (1, D*D, H, W) made elsewhere (learned_jbu.h).
    explicit JbuTaps(std::vector<at::Tensor> levels, int64_t gridHeight, int64_t gridWidth);

    // map (C, gridHeight, gridWidth) -> (C, height, width) float32.
    Result<at::Tensor> apply(const at::Tensor& map) const;

    int64_t height() const;
    int64_t width() const;
    int64_t byteCount() const;
    int64_t levelCount() const { return int64_t(levels_.size()); }
    const at::Tensor& level(int64_t index) const { return levels_[size_t(index)]; }

  private:
    std::vector<at::Tensor> levels_;
    int64_t gridHeight_, gridWidth_;
};

// Sizes of the levels from a grid (excluded) to the target (included): doubled until the target is reached.
std::vector<std::pair<int64_t, int64_t>> jbuLevelSizes(int64_t gridHeight, int64_t gridWidth, int64_t height,
                                                       int64_t width);

}  // namespace vitrine
