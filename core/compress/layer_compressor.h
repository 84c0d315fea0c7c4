// One linear layer by the plan: pruned, rounded, compensated; with what each step cost.
#pragma once

#include "core/compress/compressed_weights.h"
#include "core/compress/compression_plan.h"
#include "core/compress/inverse_factor.h"
#include "core/compress/weight_ranges.h"

namespace vitrine {

struct LayerReport {
    std::string name;
    int64_t block = 0;
    int64_t rows = 0, columns = 0;
    double keptPart = 1;            // weights that are not 0
    double relativeError = 0;       // |x ΔWᵀ|² / |x Wᵀ|² over calibrated tokens, of what is saved
    double uncompensatedError = 0;  // without the low-rank path
    double predictedError = 0;      // of the path, relative to the same; EoRA's equals relativeError
    double bitsPerWeight = 32;      // of the saved form, path included
    int64_t deadInputs = 0;
    double damping = 0;
    double seconds = 0;
    std::vector<int64_t> patterns;       // of a 2:4 mask: groups of each of the six patterns
    std::optional<WeightRanges> ranges;  // of low-bit weights

    Json json() const;
};

struct CompressedLayer {
    LayerReport report;
    CompressedLinear saved;  // the form for files
    at::Tensor weight;       // Ŵ + B A, in the type of the given weight
    at::Tensor mask;         // uint8 (o, k); undefined where nothing was pruned
    // With a low-rank path and full statistics: where the error lies that it repairs.
    std::optional<ErrorSpectrum> spectrum;
};

// `factor` serves all layers of a group; null where the plan does not sweep. `seed` of the random control.
Result<CompressedLayer> compressLayer(const std::string& name, const at::Tensor& weight,
                                      const LinearStatistics& statistics, const InverseFactor* factor,
                                      const CompressionPlan& plan, uint64_t seed);

}  // namespace vitrine
