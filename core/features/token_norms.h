// Token norms, outliers among them, and the pattern that stays at fixed positions over many pictures.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

// (C, h, w) -> (h, w): Euclidean norms.
Result<at::Tensor> tokenNorms(const at::Tensor& map);

struct NormOutliers {
    at::Tensor norms;  // (h, w)
    at::Tensor
        robustZ;  // (h, w): (norm - median) / (1.4826 median absolute deviation); 0 where all are equal
    at::Tensor outlier;  // (h, w) bool: robustZ above the threshold ("registers" of Darcet et al. 2024)
    double median = 0;
    double deviation = 0;  // 1.4826 median absolute deviation, in units of the norm
};
Result<NormOutliers> normOutliers(const at::Tensor& map, double threshold = 6);

// Running sum over pictures of features that sit at fixed positions. Maps must share channels and grid.
class FixedPattern {
  public:
    // map (C, h, w). ShapeMismatch if it differs from the earlier ones.
    Result<void> add(const at::Tensor& map);
    int64_t count() const { return count_; }

    struct View {
        at::Tensor pattern;  // (C, h, w) float32: mean over pictures minus its mean over places
        at::Tensor energy;   // (h, w): squared norm of the pattern
        double share = 0;    // energy of the pattern / energy of the features around their overall mean, mean
                             // over places; unrelated pictures alone give about 1 / count
        double borderEnergy = 0;  // mean energy in the outermost ring of patches
        double innerEnergy = 0;   // mean energy elsewhere (0 if there is no inside)
    };
    // InvalidArgument before two pictures were added.
    Result<View> view() const;

  private:
    at::Tensor sum_;      // (C, h, w) float64
    double squares_ = 0;  // sum of all squared values
    int64_t count_ = 0;
};

}  // namespace vitrine
