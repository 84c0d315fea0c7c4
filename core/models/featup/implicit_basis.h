// What the implicit upsampler predicts: principal components of an encoder's features, scaled so that the
// features vary by 1 a channel. The losses' weights mean the same for every encoder then.
#pragma once

#include <ATen/ATen.h>

namespace vitrine::featup {

struct ImplicitBasis {
    at::Tensor mean;        // (C)
    at::Tensor components;  // (K, C), orthonormal rows
    at::Tensor scale;       // ()

    // (B, C, h, w) -> (B, K, h, w)
    at::Tensor reduced(const at::Tensor& features) const;
    // (B, K, h, w) -> (B, C, h, w); what lies outside of the components stays at the mean.
    at::Tensor features(const at::Tensor& reduced) const;
};

}  // namespace vitrine::featup
