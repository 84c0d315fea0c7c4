// What a model of given settings costs to keep and to run, before it exists. One model of costs for slicing,
// search and Puzzle; the bytes of weights are those of the tensors that saveLanguageModel writes.
#pragma once

#include "core/models/language/decoder_config.h"

#include <ATen/ATen.h>

namespace vitrine {

// How the model is to be used.
struct DeploymentProfile {
    int64_t batch = 1;
    int64_t prompt = 0;     // tokens; 0: half of the context
    int64_t generated = 0;  // tokens; 0: half of the context
    at::ScalarType weights = at::kBFloat16;
    at::ScalarType cache = at::kBFloat16;

    int64_t tokensOf(const DecoderConfig& config) const;  // prompt and generated
};

struct StructureCost {
    int64_t parameters = 0;
    double weightBytes = 0;
    double cacheBytes = 0;  // keys and values of batch x (prompt + generated) tokens
    double operations = 0;  // multiplications and additions of one generated token, at half the length

    double bytes() const { return weightBytes + cacheBytes; }
    StructureCost& operator+=(const StructureCost& other);
    Json json() const;
};

// Of one block; of what lies outside of blocks (embedding, final norm, head); of all.
StructureCost layerCost(const DecoderConfig& config, const LayerSettings& layer,
                        const DeploymentProfile& profile);
StructureCost outerCost(const DecoderConfig& config, const DeploymentProfile& profile);
StructureCost structureCost(const DecoderConfig& config, const DeploymentProfile& profile);

}  // namespace vitrine
