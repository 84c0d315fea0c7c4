#include "core/sparse_training/unit_history.h"

#include <algorithm>

namespace vitrine {
namespace {

// `count` of the places where `mask` holds, evenly spaced; all if there are fewer.
std::vector<int64_t> evenly(const at::Tensor& mask, int64_t count) {
    const at::Tensor places = mask.nonzero().flatten();
    const int64_t all = places.numel(), taken = std::min(count, all);
    std::vector<int64_t> chosen;
    for (int64_t index = 0; index < taken; ++index)
        chosen.push_back(places[index * all / taken].item<int64_t>());
    return chosen;
}

const UnitLayer* layerNamed(const SparseStructure& structure, const Json& name) {
    for (const UnitLayer& layer : structure.layers())
        if (name == layer.name)
            return &layer;
    return nullptr;
}

}  // namespace

UnitHistory UnitHistory::begin(const SparseStructure& structure) {
    UnitHistory history;
    for (const UnitLayer& layer : structure.layers()) {
        if (layer.fixed)
            continue;
        const int64_t used = std::min(kWatched / 3, layer.activeCount());
        std::vector<int64_t> units = evenly(layer.active.logical_not(), kWatched - used);
        const auto inUse = evenly(layer.active, kWatched - int64_t(units.size()));
        units.insert(units.end(), inUse.begin(), inUse.end());
        std::sort(units.begin(), units.end());
        history.layers_.push_back({{"layer", layer.name}, {"units", units}, {"in_use", Json::array()}});
    }
    history.add(structure);
    return history;
}

void UnitHistory::add(const SparseStructure& structure) {
    for (Json& watched : layers_) {
        const UnitLayer* layer = layerNamed(structure, watched["layer"]);
        if (!layer)
            continue;
        std::string digits;
        for (const Json& unit : watched["units"])
            digits += layer->active[unit.get<int64_t>()].item<bool>() ? '1' : '0';
        watched["in_use"].push_back(digits);
    }
}

UnitHistory UnitHistory::fromJson(const Json& layers) {
    UnitHistory history;
    if (layers.is_array())
        history.layers_ = layers;
    return history;
}

}  // namespace vitrine
