// The two terms by which a network keeps what it knew while it learns new data: on pooled features, and on
// logits with a weight for each picture (CKCA, arXiv 2406.04484; the exact forms are reconstructions, so each
// is a choice of several).
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <string>

namespace vitrine {

enum class FeatureTerm {
    None,
    Direction,    // a: squared distance of the normalised features; their length stays free
    Consolidate,  // b: group norm of channels over the batch: few channels carry, the others are free
    Both,         // c: a + b
    Subspace      // d: a in the row space of the last layer only
};
Result<FeatureTerm> featureTermFromName(const std::string& name);  // "none", "direction", ...

enum class DistillationTerm {
    None,
    Constant,   // 1 (learning without forgetting)
    Trust,      // a: the teacher's probability of the true class, relative to the batch's mean
    TrustHard,  // 1 where the teacher is right
    Relative,   // a · b: trust, strong while the student is worse than the teacher
    Entropy     // e: 1 - H(teacher) / log classes
};
Result<DistillationTerm> distillationTermFromName(const std::string& name);  // "none", "constant", ...

// mean over pictures of ‖a/‖a‖ - b/‖b‖‖²; features (B, C), the teacher's without gradient.
at::Tensor featureDirectionLoss(const at::Tensor& student, const at::Tensor& teacher);
// Σ over channels of ‖column‖₂ / √B.
at::Tensor channelNormLoss(const at::Tensor& student);
// Features (B, C) projected on the row space of the last layer's weight (classes, C).
at::Tensor inRowSpace(const at::Tensor& features, const at::Tensor& weight);

// Weights (B) of the pictures, without gradient. Logits (B, classes), labels (B).
at::Tensor distillationWeights(DistillationTerm term, const at::Tensor& student, const at::Tensor& teacher,
                               const at::Tensor& labels);
// Σ w τ² KL(teacher ‖ student) / B at temperature τ.
at::Tensor weightedDistillation(const at::Tensor& student, const at::Tensor& teacher,
                                const at::Tensor& weights, double temperature);

}  // namespace vitrine
