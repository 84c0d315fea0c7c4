// Settings of a fit of FeatUp's implicit upsampler. Defaults are the published ones (Fu et al. 2024, for
// pictures of 224 pixels).
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/upsampling/implicit_name.h"

#include <cstdint>

namespace vitrine {

struct ImplicitOptions {
    int64_t jitters = 3000;  // views of the picture that the encoder is asked about
    int64_t steps = 1200;
    int64_t batch = 10;        // views of a step
    int64_t cell = 1;          // pixels a side of a fine cell; divides the encoder's patch
    int64_t components = 128;  // principal components that are fitted
    int64_t kernel =
        0;  // K of the downsampler, fine cells; 0: 29 for patches of 16 cells, others in proportion
    double rate = 2e-3;          // learning rate of NAdam
    double zoom = 1.8;           // largest of the views
    double margin = 30.0 / 224;  // reflected at each side, share of the side
    double magnitude = 1e-3;     // weight of the lengths of downsampled vectors
    double variation = 0.05;     // weight of the jumps of the lengths of fine vectors
    double pin = 0.1;            // weight of what a blur changes
    bool uncertainty = true;     // learn which places of views can be trusted
    uint64_t seed = 0;

    // K for `factor` fine cells to a coarse one.
    int64_t kernelFor(int64_t factor) const;
    bool operator==(const ImplicitOptions&) const = default;
};

// JSON schema of the settings above, by their names.
Json implicitSettingsSchema();
// Settings that are not given keep their defaults. InvalidArgument with the bounds, or the nearest name.
Result<ImplicitOptions> implicitOptionsFromSettings(const Json& settings);
// "featup-implicit:jitters=300,steps=400" -> the settings. InvalidArgument as above.
Result<ImplicitOptions> implicitOptionsFrom(const std::string& name);
// The name with the settings that differ from the defaults, in a fixed order: equal settings have equal
// names.
std::string implicitName(const ImplicitOptions& options);
Json implicitSettings(const ImplicitOptions& options);

}  // namespace vitrine
