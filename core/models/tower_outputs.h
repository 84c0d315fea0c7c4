// From the hidden states of a transformer tower to what encoders and reference calls hand out.
#pragma once

#include "core/models/model.h"
#include "core/nn/position_cache.h"
#include "core/nn/pre_norm_tower.h"

namespace vitrine {

// Hidden states and attention that `request` asks for.
nn::TowerRequest towerRequest(const EncodeRequest& request);
// All hidden states 0..depth.
nn::TowerRequest allStates(int64_t depth);

// (B, prefix + h·w, C) -> prefix and map.
LayerOutput splitPrefix(const at::Tensor& state, int64_t prefixCount, nn::GridSize grid);
// Fills `layers` and `attention` of `output` in the order of `request`.
void addLayers(EncoderOutput& output, const nn::TowerResult& result, const EncodeRequest& request,
               int64_t prefixCount, nn::GridSize grid);

// "<prefix>hidden_states.k" for every state.
void addHiddenStates(TensorMap& outputs, const nn::TowerResult& result, const std::string& prefix);
// The outputs that the call wants; Unsupported, naming call and output, if one is not among `computed`.
Result<TensorMap> selectOutputs(const ModelCall& call, const TensorMap& computed);
// The first input of these names, or an undefined tensor.
at::Tensor inputOf(const ModelCall& call, std::initializer_list<const char*> names);

// (B, T) integer ids with 1 <= T <= contextLength, each in [0, vocabulary); mask undefined or of the same
// shape.
Result<void> checkTokenIds(const at::Tensor& ids, const at::Tensor& mask, int64_t contextLength,
                           int64_t vocabulary);

at::Tensor l2Normalized(const at::Tensor& x);
int64_t countParameters(const torch::nn::Module& module);

}  // namespace vitrine
