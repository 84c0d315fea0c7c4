#include "core/engine/compress_costs.h"

#include "core/compress/encoder_blocks.h"
#include "core/compress/vit_structures.h"
#include "core/engine/compress_schema.h"
#include "core/structured/slicer.h"

#include <algorithm>

namespace vitrine {
namespace {

// Two for each weight of a matrix product; norms count as such, a ten-thousandth of the rest.
double operationsOf(const DecoderConfig& config) {
    double weights = double(config.vocabulary) * double(config.width);
    for (const LayerSettings& layer : config.layers)
        weights += double(config.parameterCount(layer));
    return 2 * weights;
}

}  // namespace

std::vector<LayerShape> layerShapes(const Decoder& decoder) {
    std::vector<LayerShape> shapes;
    for (const auto& linear : decoder.linears())
        shapes.push_back({decoder.linearName(linear->place()), linear->outFeatures(), linear->inFeatures()});
    return shapes;
}

CostBasis costBasis(const Decoder& decoder) {
    return {layerShapes(decoder), double(decoder.config().parameterCount()),
            2 * double(decoder.headWeight().numel())};
}

Result<CostBasis> encoderCostBasis(const std::filesystem::path& model) {
    VITRINE_TRY(const auto opened, loadModel(model, {}));
    VITRINE_TRY(const auto blocks, encoderBlocks(*opened, {}));
    CostBasis basis;
    for (int64_t block = 0; block < blocks->depth(); ++block)
        for (const BlockLinear& linear : blocks->linears(block))
            basis.layers.push_back({linear.name, linear.weight.size(0), linear.weight.size(1)});
    basis.parameters = double(opened->encoder()->info().parameterCount);
    return basis;
}

PlanCosts planCosts(const CostBasis& basis, const Json& plans, int64_t bytesPerWeight) {
    PlanCosts costs;
    for (const LayerShape& shape : basis.layers)
        costs.linearWeights += double(shape.rows) * double(shape.columns);
    costs.denseBytes = basis.parameters * double(bytesPerWeight);
    costs.denseOperations = 2 * costs.linearWeights + basis.headOperations;
    const double rest = costs.denseBytes - costs.linearWeights * double(bytesPerWeight);
    for (const Json& entry : plans) {
        PlanCostRow row;
        const auto plan = compressionPlanFrom(entry, 0);
        const auto cost =
            plan ? planCost(*plan, basis.layers, bytesPerWeight) : Result<PlanCost>(fail(plan.error()));
        row.plan = plan ? plan->text() : entry.dump();
        if (cost) {
            row.bitsPerWeight = cost->bitsPerWeight();
            row.bytes = cost->bytes + rest;
            row.operations = cost->operations + basis.headOperations;
        } else {
            row.problem = cost.error().text();
        }
        costs.rows.push_back(std::move(row));
    }
    return costs;
}

Result<SizesCost> costOfSizes(DecoderConfig config, const SizesKept& sizes) {
    SizesCost cost;
    cost.denseParameters = double(config.parameterCount());
    cost.denseOperations = operationsOf(config);
    if (sizes.width > 0)
        config.width = sizes.width;
    if (sizes.depth > 0 && sizes.depth < config.depth())
        config.layers.resize(size_t(sizes.depth));
    for (LayerSettings& layer : config.layers) {
        if (sizes.intermediate > 0)
            layer.feedForward.intermediate = std::min(layer.feedForward.intermediate, sizes.intermediate);
        if (sizes.heads > 0)
            layer.attention.queryHeads = std::min(layer.attention.queryHeads, sizes.heads);
    }
    VITRINE_TRY_VOID(config.validate());
    cost.parameters = double(config.parameterCount());
    cost.operations = operationsOf(config);
    cost.bytes = 4 * cost.parameters;
    cost.denseBytes = 4 * cost.denseParameters;
    return cost;
}

Result<DependencyGroup> dependencyGroupOf(const StructureQuestion& question, const Decoder* decoder) {
    using Kind = StructureQuestion::Kind;
    DependencyGroup group;
    if (decoder) {
        const StructureAxis axis = question.kind == Kind::Channel ? StructureAxis::Channels
                                   : question.kind == Kind::Head  ? StructureAxis::QueryHeads
                                                                  : StructureAxis::Neurons;
        VITRINE_TRY(group.tensors, dependencyGroup(*decoder, axis, question.layer, question.number));
    } else {
        if (question.kind == Kind::Channel)
            return fail(ErrorCode::Unsupported, "channels of an encoder's stream are not cut", "kind",
                        "Ask for a head or a hidden unit");
        VITRINE_TRY(const auto opened, loadModel(question.model, {}));
        VITRINE_TRY(const ModelFolder folder, openModelFolder(question.model));
        const EncoderInfo info = opened->encoder() ? opened->encoder()->info() : EncoderInfo{};
        VITRINE_TRY(group.tensors,
                    vitDependencyGroup(plainShapes(*folder.weights),
                                       question.kind == Kind::Head ? VitAxis::Heads : VitAxis::Neurons,
                                       info.featureWidth / std::max<int64_t>(1, info.headCount),
                                       question.layer, question.number));
    }
    for (const TouchedTensor& tensor : group.tensors)
        group.weights += tensor.weights();
    return group;
}

}  // namespace vitrine
