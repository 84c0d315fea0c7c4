// What a plan costs before it is carried out: bytes of the saved form (those of CompressedLinear::byteCount,
// with quantised low-rank factors counted as such) and operations of one token through the linear layers.
#pragma once

#include "core/compress/compression_plan.h"

#include <span>

namespace vitrine {

struct LayerShape {
    std::string name;
    int64_t rows = 0, columns = 0;  // outputs x inputs
};

struct PlanCost {
    int64_t layers = 0;             // that the plan changes
    double bytes = 0, weights = 0;  // of the saved form; of the dense layers
    double operations = 0;          // of the changed layers: two a kept weight and token, path included
    double bitsPerWeight() const { return weights > 0 ? 8 * bytes / weights : 0; }
};

// `bytesPerWeight`: of the type the model computes in. Layers that the plan leaves out count densely. Errors
// name the layer: inputs that do not fall into groups, a rank larger than the layer.
Result<PlanCost> planCost(const CompressionPlan& plan, std::span<const LayerShape> layers,
                          int64_t bytesPerWeight);

}  // namespace vitrine
