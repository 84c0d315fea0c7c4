// A decoder of a few thousand parameters with every kind of layer.
#pragma once

#include "core/models/language/language_model.h"

namespace vitrine::testing {

inline DecoderConfig smallConfig(int64_t depth = 3) {
    DecoderConfig config;
    config.vocabulary = 40;
    config.width = 24;
    config.contextLength = 32;
    config.bos = 1;
    config.eos = {2};
    LayerSettings layer;
    layer.attention.queryHeads = 4;
    layer.attention.keyValueHeads = 2;
    layer.attention.headWidth = 8;
    layer.feedForward.intermediate = 36;
    config.layers.assign(size_t(depth), layer);
    return config;
}

// Every layer another: no attention, linear, low rank, constant, fewer heads, narrower, a window.
inline DecoderConfig mixedConfig() {
    DecoderConfig config = smallConfig(6);
    auto& layers = config.layers;
    layers[0].attention.kind = SubLayerKind::NoOp;
    layers[1].attention.kind = SubLayerKind::Linear;
    layers[1].attention.replacementBias = true;
    layers[1].feedForward.intermediate = 12;
    layers[2].attention.kind = SubLayerKind::LowRank;
    layers[2].attention.rank = 3;
    layers[2].feedForward.kind = SubLayerKind::NoOp;
    layers[3].attention.keyValueHeads = 1;
    layers[3].feedForward.kind = SubLayerKind::Constant;
    layers[4].attention.queryHeads = 2;
    layers[4].feedForward.kind = SubLayerKind::LowRank;
    layers[4].feedForward.rank = 5;
    layers[4].feedForward.replacementBias = true;
    layers[5].feedForward.kind = SubLayerKind::Linear;
    return config;
}

inline std::unique_ptr<LanguageModel> smallModel(const DecoderConfig& config, uint64_t seed = 3) {
    auto model = createLanguageModel(config, seed, 0.3);
    return model ? std::move(*model) : nullptr;
}

inline at::Tensor someIds(int64_t batch, int64_t length, int64_t vocabulary = 40) {
    return at::arange(batch * length, at::kLong).mul(7).add(3).remainder(vocabulary).view({batch, length});
}

}  // namespace vitrine::testing
