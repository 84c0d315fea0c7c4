// Settings of the training of an upsampler. Defaults are those of FeatSharp (Ranzinger et al. 2025, appendix
// on training); featUpDefaults() gives FeatUp's (Fu et al. 2024).
#pragma once

#include "core/base/json.h"
#include "core/models/featsharp/featsharp_config.h"
#include "core/upsampling/frozen_encoder.h"
#include "core/upsampling/view_warps.h"

namespace vitrine {

enum class UpsamplerMethod { FeatSharp, FeatUp };
// What FeatSharp's fusion gives before the first step: the guided branch, as published, or a mixture of it
// and the tiles (start_weights.h).
enum class FusionStart { Guided, Blend };

struct UpsamplerOptions {
    UpsamplerMethod method = UpsamplerMethod::FeatSharp;

    // --- FeatSharp and the arms it is compared with: what is fused, how far, and how the features are
    // prepared
    featsharp::Guide guide = featsharp::Guide::Bilateral;
    bool tiles = true;
    int64_t factor = 2;
    int64_t windowSize = 7;
    bool layerNorm = false, attention = true, feedForward = true;
    int64_t jafarWidth = 128, jafarHeads = 4;
    FusionStart fusionStart = FusionStart::Guided;
    bool standardised = true;  // PHI-S
    bool deBias = true;
    double seamWeight = 2;
    int64_t downsamplerKernel = 9;

    // --- FeatUp
    int64_t levels = 4;       // each doubles the grid
    bool channelNorm = true;  // LayerNorm of the encoder's features
    int64_t projection = 30;  // random directions that the loss looks at; 0: all channels
    double crfWeight = 1e-3;
    int64_t crfSamples = 1000;  // places of each picture
    JitterOptions jitter;

    // --- both
    int64_t views = 5;  // J, per picture and step
    ViewOptions view;
    WarpAnchor anchor = WarpAnchor::OuterEdges;
    bool uncertainty = true;
    int64_t batch = 4;
    int64_t steps = 3000;
    int64_t statisticsBatches = 200;  // of `batch` pictures, for PHI-S
    double learningRate = 5e-4;
    double guideRate = 0.2, uncertaintyRate = 0.02;  // shares of the learning rate
    int64_t warmupSteps = 100;                       // linear from a tenth
    bool cosine = true;                              // down to 0; off: constant after the warm-up
    double clipNorm = 5;                             // 0: none
    int64_t carefulSteps = 10;                       // at first gradients are clipped to 1e-4
    bool spectral = true;                            // re-parametrised layers (spectral_weights.h)
    uint64_t seed = 0;
    at::Device device = at::kCPU;

    // Fine cells to a coarse one.
    int64_t fineFactor() const { return method == UpsamplerMethod::FeatUp ? int64_t(1) << levels : factor; }
    // Pixels a side of the pictures that training asks for.
    int64_t pictureSide(const FrozenEncoder& encoder) const;
    Result<void> validate(const FrozenEncoder& encoder) const;
    featsharp::FeatSharpConfig featSharpConfig(const FrozenEncoder& encoder) const;
};

UpsamplerOptions featUpDefaults();

// The learning rate of a step.
double upsamplerRate(const UpsamplerOptions& options, int64_t step);

// "settings" of a recipe of kind "train_upsampler" and its schema.
Json upsamplerSettingsSchema();
Result<UpsamplerOptions> upsamplerOptionsFrom(const Json& settings);

}  // namespace vitrine
