#include "core/models/tower_outputs.h"

#include "core/nn/functional.h"

#include <fmt/ranges.h>

namespace vitrine {

nn::TowerRequest towerRequest(const EncodeRequest& request) {
    nn::TowerRequest result;
    result.states.insert(request.layers.begin(), request.layers.end());
    result.attention.insert(request.attentionLayers.begin(), request.attentionLayers.end());
    return result;
}

nn::TowerRequest allStates(int64_t depth) {
    nn::TowerRequest result;
    for (int64_t i = 0; i <= depth; ++i)
        result.states.insert(i);
    return result;
}

LayerOutput splitPrefix(const at::Tensor& state, int64_t prefixCount, nn::GridSize grid) {
    LayerOutput output;
    if (prefixCount > 0)
        output.prefix = state.narrow(1, 0, prefixCount);
    output.features =
        nn::mapFromTokens(state.narrow(1, prefixCount, state.size(1) - prefixCount), grid.height, grid.width);
    return output;
}

void addLayers(EncoderOutput& output, const nn::TowerResult& result, const EncodeRequest& request,
               int64_t prefixCount, nn::GridSize grid) {
    for (const int64_t layer : request.layers)
        output.layers.push_back(splitPrefix(result.states.at(layer), prefixCount, grid));
    for (const int64_t layer : request.attentionLayers)
        output.attention.push_back(result.attention.at(layer));
}

void addHiddenStates(TensorMap& outputs, const nn::TowerResult& result, const std::string& prefix) {
    for (const auto& [index, state] : result.states)
        outputs[fmt::format("{}hidden_states.{}", prefix, index)] = state;
}

Result<TensorMap> selectOutputs(const ModelCall& call, const TensorMap& computed) {
    TensorMap selected;
    for (const std::string& name : call.outputs) {
        const auto found = computed.find(name);
        if (found == computed.end())
            return fail(ErrorCode::Unsupported,
                        fmt::format("the model cannot compute \"{}\" from these inputs", name),
                        "call " + call.id);
        selected[name] = found->second;
    }
    return selected;
}

at::Tensor inputOf(const ModelCall& call, std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const auto found = call.inputs.find(name); found != call.inputs.end())
            return found->second;
    return {};
}

Result<void> checkTokenIds(const at::Tensor& ids, const at::Tensor& mask, int64_t contextLength,
                           int64_t vocabulary) {
    if (!ids.defined() || ids.dim() != 2 || ids.size(0) < 1 || ids.size(1) < 1 ||
        ids.size(1) > contextLength || !at::isIntegralType(ids.scalar_type(), false))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected token ids of shape [batch, 1 to {}], found [{}]", contextLength,
                                ids.defined() ? fmt::format("{}", fmt::join(ids.sizes(), ", ")) : ""));
    if (mask.defined() && mask.sizes() != ids.sizes())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the token mask has shape [{}], the ids [{}]", fmt::join(mask.sizes(), ", "),
                                fmt::join(ids.sizes(), ", ")));
    const int64_t lowest = ids.min().item<int64_t>(), highest = ids.max().item<int64_t>();
    if (lowest < 0 || highest >= vocabulary)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("token id {} is outside the vocabulary of {}", lowest < 0 ? lowest : highest,
                                vocabulary),
                    {}, "Does the tokenizer belong to this model?");
    return {};
}

at::Tensor l2Normalized(const at::Tensor& x) {
    return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, true);
}

int64_t countParameters(const torch::nn::Module& module) {
    int64_t count = 0;
    for (const at::Tensor& parameter : module.parameters())
        count += parameter.numel();
    return count;
}

}  // namespace vitrine
