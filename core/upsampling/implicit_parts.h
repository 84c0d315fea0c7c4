// The inside of the fitter. For implicit_fitter*.cpp only.
#pragma once

#include "core/distill/optimizer.h"
#include "core/upsampling/attention_downsampler.h"
#include "core/upsampling/implicit_fitter.h"
#include "core/upsampling/uncertainty.h"

namespace vitrine {

struct ImplicitFitter::Parts {
    ImplicitOptions options;
    ImplicitEncoder encoder;
    at::Tensor picture;                        // (1, 3, H, W) float
    at::ScalarType type = at::kFloat;          // that the encoder computes in
    int64_t width = 0, rows = 0, columns = 0;  // C, h, w of the encoder's features
    int64_t factor = 0;                        // fine cells to a coarse one
    at::Tensor colors;                         // (1, 3, H / cell, W / cell)
    at::Tensor encoderMean;                    // (C)

    std::shared_ptr<featup::ImplicitNetwork> network;
    std::shared_ptr<AttentionDownsampler> downsampler;
    std::shared_ptr<DeviationNet> deviation;
    std::unique_ptr<Optimizer> optimizer;

    featup::ImplicitBasis basis;
    double explained = 0;     // share of the features' variance that the components hold
    at::Tensor homographies;  // (jitters, 3, 3)
    at::Tensor targets;       // (jitters, K, h, w) half
    int64_t step = 0;

    int64_t components() const { return network->config().outputs; }
    Result<void> measure();
    void build(int64_t components);
    // From the encoder's features of some views, (B, C, h, w).
    Result<void> findBasis(const at::Tensor& features);
    // The encoder's features of the picture's views, (B, C, h, w) float.
    Result<at::Tensor> look(const at::Tensor& baseFromView) const;
    // Of the fine map with its lengths in front, (1, 1 + K, H', W') -> (1, 1 + K, h, w).
    at::Tensor seenAs(const at::Tensor& fine, const at::Tensor& baseFromView,
                      const at::Generator* random) const;
    at::Tensor withMagnitude(const at::Tensor& fine) const;
    // Gradients of one step with these views; nothing is changed.
    ImplicitStep gradients(const at::Tensor& baseFromView, const at::Tensor& wanted);
};

}  // namespace vitrine
