// What plans and smaller sizes would cost, and what goes with a structure, before anything is compressed:
// answers of the Compress workspace.
#pragma once

#include "core/compress/plan_cost.h"
#include "core/engine/compress_engine.h"
#include "core/models/language/decoder.h"

namespace vitrine {

// Of a model: the linear layers that plans change, and what lies beside them.
struct CostBasis {
    std::vector<LayerShape> layers;
    double parameters = 0;
    double headOperations = 0;  // of one token, of a language model's head
};
CostBasis costBasis(const Decoder& decoder);
// Of an encoder whose family can be compressed. Errors: of loading; Unsupported.
Result<CostBasis> encoderCostBasis(const std::filesystem::path& model);

std::vector<LayerShape> layerShapes(const Decoder& decoder);

// An entry that cannot be carried out says why. `bytesPerWeight` of the type the model computes in.
PlanCosts planCosts(const CostBasis& basis, const Json& plans, int64_t bytesPerWeight);
// float32. InvalidArgument for sizes that cannot be.
Result<SizesCost> costOfSizes(DecoderConfig config, const SizesKept& sizes);

// `decoder` of a language model; null: the question's model is an encoder's folder.
Result<DependencyGroup> dependencyGroupOf(const StructureQuestion& question, const Decoder* decoder);

}  // namespace vitrine
