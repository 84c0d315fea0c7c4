// Linear probe of frozen vectors: standardisation and one linear layer under cross-entropy, the protocol by
// which encoders are compared (features stay as they are; only what a linear read-out finds in them counts).
#pragma once

#include "core/base/job_context.h"

#include <ATen/ATen.h>

namespace vitrine {

struct LinearProbeOptions {
    int64_t steps = 400;  // of AdamW over all vectors at once, cosine rate
    double learningRate = 1e-2;
    double weightDecay = 1e-2;  // decoupled

    Result<void> validate() const;
};

// Multinomial logistic regression. Deterministic: it starts from zero.
class LinearProbe {
  public:
    // features (N, D) float, labels (N) int64 in [0, classCount). Channels are standardised by their own mean
    // and deviation (constant ones are left at 0). ShapeMismatch, InvalidArgument (labels outside, fewer than
    // 2 vectors or classes, values that are not finite), Cancelled.
    static Result<LinearProbe> fit(const at::Tensor& features, const at::Tensor& labels, int64_t classCount,
                                   const LinearProbeOptions& options, JobContext& job);

    at::Tensor logits(const at::Tensor& features) const;  // (N, D) -> (N, classes)
    at::Tensor predict(const at::Tensor& features) const { return logits(features).argmax(1); }

  private:
    at::Tensor mean_, inverseDeviation_;  // (D)
    at::Tensor weight_, bias_;            // (D, classes), (classes)
};

// Mean and 1/deviation of each column of (N, D), for standardisation; 0 for constant columns.
struct ColumnScale {
    at::Tensor mean, inverseDeviation;  // (D) float
};
ColumnScale columnScale(const at::Tensor& rows);

}  // namespace vitrine
