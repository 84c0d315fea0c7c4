// Counts of true against predicted classes, and the scores that segmentation and classification are told in.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace vitrine {

class ConfusionMatrix {
  public:
    explicit ConfusionMatrix(int64_t classCount) : counts_(at::zeros({classCount, classCount}, at::kLong)) {}

    // Integer tensors of one shape. Places whose truth is outside [0, classCount) do not count (unlabelled).
    // ShapeMismatch; InvalidArgument for a prediction outside.
    Result<void> add(const at::Tensor& truth, const at::Tensor& prediction);

    const at::Tensor& counts() const { return counts_; }  // (truth, prediction) int64
    int64_t total() const;
    double accuracy() const;  // share of right ones; 0 if nothing was added
    // Intersection over union of each class; nothing for a class that neither occurs nor is predicted.
    std::vector<std::optional<double>> intersectionOverUnion() const;
    double meanIntersectionOverUnion() const;  // over the classes that have one

  private:
    at::Tensor counts_;
};

}  // namespace vitrine
