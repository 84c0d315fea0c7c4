#include "core/sparse_training/latency_table.h"

#include "core/base/hash.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace vitrine {
namespace {

constexpr const char* kFormat = "vitrine latency table 1";

std::optional<size_t> placeOf(const std::vector<int64_t>& counts, int64_t count) {
    const auto found = std::find(counts.begin(), counts.end(), count);
    return found == counts.end() ? std::nullopt : std::optional(size_t(found - counts.begin()));
}

Failure damaged(const std::string& what, const std::string& where) {
    return fail(ErrorCode::InvalidFile, what, where,
                "Leave settings.latency_table empty to measure one, or take the file latency_table.json of a "
                "run");
}

// A row of times for each input count, one finite positive time for each output count.
Result<std::vector<std::vector<double>>> timesFrom(const Json& json, const LayerLatency& layer,
                                                   const std::string& where) {
    const auto found = json.find("ms");
    if (found == json.end() || !found->is_array() || found->size() != layer.inputs.size())
        return damaged(
            fmt::format("{} input counts need as many rows of times (\"ms\")", layer.inputs.size()), where);
    std::vector<std::vector<double>> rows;
    for (const Json& row : *found) {
        if (!row.is_array() || row.size() != layer.outputs.size())
            return damaged(fmt::format("{} output counts need as many times in each row of \"ms\", found {}",
                                       layer.outputs.size(), row.is_array() ? row.size() : 0),
                           where);
        std::vector<double> times;
        for (const Json& time : row) {
            if (!time.is_number() || !std::isfinite(time.get<double>()) || time.get<double>() <= 0)
                return damaged("a time is a positive number of milliseconds, found " + time.dump(), where);
            times.push_back(time.get<double>());
        }
        rows.push_back(std::move(times));
    }
    return rows;
}

Result<LayerLatency> layerFrom(const Json& json, const std::string& file) {
    LayerLatency layer;
    VITRINE_TRY(layer.layer, jsonValue<std::string>(json, "layer", file));
    const std::string where = file + ", " + layer.layer;
    VITRINE_TRY(layer.shape, jsonValue<std::vector<int64_t>>(json, "shape", where));
    VITRINE_TRY(layer.places, jsonValue<int64_t>(json, "places", where));
    VITRINE_TRY(layer.inputs, jsonValue<std::vector<int64_t>>(json, "inputs", where));
    VITRINE_TRY(layer.outputs, jsonValue<std::vector<int64_t>>(json, "outputs", where));
    VITRINE_TRY(layer.ms, timesFrom(json, layer, where));
    return layer;
}

// Counts of `wanted` that `known` lacks.
std::vector<int64_t> missing(const std::vector<int64_t>& wanted, const std::vector<int64_t>& known) {
    std::vector<int64_t> counts;
    for (const int64_t count : wanted)
        if (!placeOf(known, count))
            counts.push_back(count);
    return counts;
}

}  // namespace

std::vector<int64_t> channelSteps(int64_t channels, int64_t group) {
    std::vector<int64_t> steps;
    for (int64_t count = group; count < channels; count += group)
        steps.push_back(count);
    steps.push_back(channels);
    return steps;
}

std::optional<double> LayerLatency::at(int64_t inputCount, int64_t outputCount) const {
    const auto row = placeOf(inputs, inputCount), column = placeOf(outputs, outputCount);
    return row && column ? std::optional(ms[*row][*column]) : std::nullopt;
}

const LayerLatency* LatencyTable::find(const std::string& layer) const {
    const auto found = std::find_if(layers.begin(), layers.end(),
                                    [&](const LayerLatency& each) { return each.layer == layer; });
    return found == layers.end() ? nullptr : &*found;
}

Json LatencyTable::json() const {
    Json list = Json::array();
    for (const LayerLatency& layer : layers)
        list.push_back({{"layer", layer.layer},
                        {"shape", layer.shape},
                        {"places", layer.places},
                        {"inputs", layer.inputs},
                        {"outputs", layer.outputs},
                        {"ms", layer.ms}});
    return {{"format", kFormat},
            {"batch", batch},
            {"threads", threads},
            {"outside_ms", outsideMs},
            {"layers", std::move(list)}};
}

std::string LatencyTable::fingerprint() const {
    return sha256Hex(json().dump());
}

Result<LatencyTable> LatencyTable::fromJson(const Json& json, const std::string& where) {
    if (!json.is_object() || json.value("format", Json()) != kFormat)
        return damaged(fmt::format("this is no latency table (\"format\" is not \"{}\")", kFormat), where);
    LatencyTable table;
    VITRINE_TRY(table.batch, jsonValue<int64_t>(json, "batch", where));
    VITRINE_TRY(table.threads, jsonValueOr<int64_t>(json, "threads", 0, where));
    VITRINE_TRY(table.outsideMs, jsonValue<double>(json, "outside_ms", where));
    if (table.batch < 1 || !std::isfinite(table.outsideMs))
        return damaged("a batch has at least one picture, and \"outside_ms\" is a number", where);
    const auto layers = json.find("layers");
    if (layers == json.end() || !layers->is_array())
        return damaged("there is no list \"layers\"", where);
    for (const Json& each : *layers) {
        VITRINE_TRY(LayerLatency layer, layerFrom(each, where));
        table.layers.push_back(std::move(layer));
    }
    return table;
}

Result<void> LatencyTable::checkFits(const ClassifierNetwork& network, int64_t group) const {
    const auto wrong = [](const std::string& what, const std::string& layer) {
        return fail(ErrorCode::ShapeMismatch, what, layer,
                    "The latency table is of another network, size of pictures or group: measure one of this "
                    "network (settings.latency_table empty)");
    };
    for (const LayerLatency& needed : latencyLayers(network, group)) {
        const LayerLatency* known = find(needed.layer);
        if (!known)
            return wrong("the latency table has no such layer", needed.layer);
        if (known->shape != needed.shape || known->places != needed.places)
            return wrong(fmt::format("the latency table is of a layer [{}] with {} places, the network's is "
                                     "[{}] with {}",
                                     fmt::join(known->shape, ", "), known->places,
                                     fmt::join(needed.shape, ", "), needed.places),
                         needed.layer);
        for (const auto& [what, wanted, has] : {std::tuple("input", needed.inputs, known->inputs),
                                                std::tuple("output", needed.outputs, known->outputs)})
            if (const auto counts = missing(wanted, has); !counts.empty())
                return wrong(fmt::format("the latency table has no times for {} {} channels (it has {})",
                                         fmt::join(counts, ", "), what, fmt::join(has, ", ")),
                             needed.layer);
    }
    return {};
}

std::vector<LayerLatency> latencyLayers(const ClassifierNetwork& network, int64_t group) {
    std::vector<LayerLatency> layers;
    const auto layerOf = [&](size_t index) -> LayerLatency& {
        const ClassifierParameter& parameter = network.parameters()[index];
        for (LayerLatency& layer : layers)
            if (layer.layer == parameter.name)
                return layer;
        const auto& shape = parameter.shape;
        layers.push_back({parameter.name, shape, parameter.uses, {shape[1]}, {shape[0]}, {}});
        return layers.back();
    };
    for (const ChannelGroup& channels : network.channelGroups())
        for (const ChannelGroup::Member& member : channels.members)
            if (network.parameters()[member.parameter].prunable) {
                LayerLatency& layer = layerOf(member.parameter);
                (member.dimension == 0 ? layer.outputs : layer.inputs) =
                    channelSteps(channels.channels, group);
            }
    for (LayerLatency& layer : layers)
        layer.ms.assign(layer.inputs.size(), std::vector<double>(layer.outputs.size(), 0));
    return layers;
}

}  // namespace vitrine
