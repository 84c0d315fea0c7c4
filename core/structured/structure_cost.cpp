#include "core/structured/structure_cost.h"

namespace vitrine {

int64_t DeploymentProfile::tokensOf(const DecoderConfig& config) const {
    const int64_t half = config.contextLength / 2;
    return (prompt > 0 ? prompt : half) + (generated > 0 ? generated : half);
}

StructureCost& StructureCost::operator+=(const StructureCost& other) {
    parameters += other.parameters;
    weightBytes += other.weightBytes;
    cacheBytes += other.cacheBytes;
    operations += other.operations;
    return *this;
}

Json StructureCost::json() const {
    return {{"parameters", parameters},
            {"weight_bytes", weightBytes},
            {"cache_bytes", cacheBytes},
            {"operations_per_token", operations}};
}

StructureCost layerCost(const DecoderConfig& config, const LayerSettings& layer,
                        const DeploymentProfile& profile) {
    StructureCost cost;
    cost.parameters = config.parameterCount(layer);
    cost.weightBytes = double(cost.parameters) * double(at::elementSize(profile.weights));
    cost.operations = 2.0 * double(cost.parameters);
    const AttentionSettings& attention = layer.attention;
    if (attention.kind == SubLayerKind::Standard) {
        const int64_t all = profile.tokensOf(config);
        const int64_t kept = attention.window > 0 ? std::min(attention.window, all) : all;
        cost.cacheBytes = 2.0 * double(attention.keyValueHeads * attention.headWidth) * double(kept) *
                          double(profile.batch) * double(at::elementSize(profile.cache));
        // Scores and mixture over half of the tokens on average.
        cost.operations += 4.0 * double(attention.queryHeads * attention.headWidth) * double(kept) / 2;
    }
    return cost;
}

StructureCost outerCost(const DecoderConfig& config, const DeploymentProfile& profile) {
    DecoderConfig empty = config;
    empty.layers.clear();
    StructureCost cost;
    cost.parameters = empty.parameterCount();
    cost.weightBytes = double(cost.parameters) * double(at::elementSize(profile.weights));
    cost.operations = 2.0 * double(config.vocabulary * config.width);
    return cost;
}

StructureCost structureCost(const DecoderConfig& config, const DeploymentProfile& profile) {
    StructureCost cost = outerCost(config, profile);
    for (const LayerSettings& layer : config.layers)
        cost += layerCost(config, layer, profile);
    return cost;
}

}  // namespace vitrine
