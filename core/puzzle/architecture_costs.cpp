#include "core/puzzle/architecture_costs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr std::array<std::pair<const char*, double PartCost::*>, 5> kCosts{
    {{"parameters", &PartCost::parameters},
     {"bytes", &PartCost::bytes},
     {"cache_bytes", &PartCost::cacheBytes},
     {"prompt_seconds", &PartCost::promptSeconds},
     {"token_seconds", &PartCost::tokenSeconds}}};

Json partJson(const PartCost& cost) {
    Json json = Json::object();
    for (const auto& [name, what] : kCosts)
        json[name] = cost.*what;
    return json;
}

Result<PartCost> partFrom(const Json& json, const std::string& where) {
    PartCost cost;
    for (const auto& [name, what] : kCosts) {
        // An earlier version kept none.
        if (what == &PartCost::cacheBytes && json.is_object() && !json.value(name, Json()).is_number()) {
            cost.*what = std::numeric_limits<double>::quiet_NaN();
            continue;
        }
        if (!json.is_object() || !json.contains(name) || !json[name].is_number())
            return fail(ErrorCode::InvalidFile, fmt::format("a part has no \"{}\"", name), where);
        cost.*what = json[name].get<double>();
    }
    return cost;
}

Result<std::vector<PartCost>> partsFrom(const Json& layer, const char* name, const std::string& where) {
    const Json list = layer.is_object() ? layer.value(name, Json()) : Json();
    if (!list.is_array() || list.empty())
        return fail(ErrorCode::InvalidFile, fmt::format("there is no list \"{}\"", name), where);
    std::vector<PartCost> parts;
    for (const Json& each : list) {
        VITRINE_TRY(const PartCost cost, partFrom(each, where));
        parts.push_back(cost);
    }
    return parts;
}

int64_t wholeOf(const Json& json, const char* name, int64_t fallback) {
    return json.contains(name) && json[name].is_number_integer() ? json[name].get<int64_t>() : fallback;
}

Json layersJson(const std::vector<LayerCosts>& layers) {
    Json list = Json::array();
    for (const LayerCosts& layer : layers) {
        Json entry = {{"attention", Json::array()}, {"feed_forward", Json::array()}};
        for (const PartCost& cost : layer.attention)
            entry["attention"].push_back(partJson(cost));
        for (const PartCost& cost : layer.feedForward)
            entry["feed_forward"].push_back(partJson(cost));
        if (layer.window > 0)
            entry["window"] = layer.window;
        list.push_back(std::move(entry));
    }
    return list;
}

Result<std::vector<LayerCosts>> layersFrom(const Json& list, const std::string& where) {
    if (!list.is_array())
        return fail(ErrorCode::InvalidFile, "there is no list of layers", where);
    std::vector<LayerCosts> layers;
    for (const Json& layer : list) {
        const std::string place = fmt::format("{}/{}", where, layers.size());
        LayerCosts entry;
        VITRINE_TRY(entry.attention, partsFrom(layer, "attention", place));
        VITRINE_TRY(entry.feedForward, partsFrom(layer, "feed_forward", place));
        entry.window = wholeOf(layer, "window", 0);
        layers.push_back(std::move(entry));
    }
    return layers;
}

// Tokens of a sequence whose keys and values are kept.
int64_t keptTokens(const UseProfile& use, int64_t window) {
    return window > 0 ? std::min(window, use.tokens()) : use.tokens();
}

}  // namespace

std::string UseProfile::text() const {
    return fmt::format("{} sequence{} of {} + {} tokens", batch, batch == 1 ? "" : "s", prompt, generated);
}

PartCost& PartCost::operator+=(const PartCost& other) {
    for (const auto& [name, what] : kCosts)
        this->*what += other.*what;
    return *this;
}

std::vector<std::vector<double>> ArchitectureCosts::pairs(double PartCost::*what) const {
    std::vector<std::vector<double>> rows;
    for (const LayerCosts& layer : layers) {
        std::vector<double> row;
        for (const PartCost& attention : layer.attention)
            for (const PartCost& feedForward : layer.feedForward)
                row.push_back(attention.*what + feedForward.*what);
        rows.push_back(std::move(row));
    }
    return rows;
}

PartCost ArchitectureCosts::of(const std::vector<BlockChoice>& choices) const {
    PartCost sum = outer;
    for (size_t i = 0; i < choices.size(); ++i) {
        sum += layers.at(i).attention.at(size_t(choices[i].attention));
        sum += layers.at(i).feedForward.at(size_t(choices[i].feedForward));
    }
    return sum;
}

std::vector<BlockChoice> ArchitectureCosts::choices(const std::vector<int64_t>& pairs) const {
    std::vector<BlockChoice> choices;
    for (size_t i = 0; i < pairs.size(); ++i)
        choices.push_back(choiceOf(pairs[i], layers.at(i).feedForward.size()));
    return choices;
}

PartCost ArchitectureCosts::ofPairs(const std::vector<int64_t>& pairs) const {
    return of(choices(pairs));
}

PartCost ArchitectureCosts::parent() const {
    PartCost sum = of(std::vector<BlockChoice>(layers.size()));
    for (const LayerCosts& layer : removed) {
        sum += layer.attention.at(0);
        sum += layer.feedForward.at(0);
    }
    return sum;
}

bool ArchitectureCosts::timed() const {
    return parent().tokenSeconds > 0;
}

double ArchitectureCosts::tokensPerSecond(const PartCost& whole) const {
    return whole.tokenSeconds > 0 ? double(use.batch) / whole.tokenSeconds : 0;
}

Result<ArchitectureCosts> ArchitectureCosts::inUse(const UseProfile& other) const {
    if (other == use)
        return *this;
    if (use.tokens() < 1 || use.prompt < 1 || std::isnan(parent().cacheBytes))
        return fail(ErrorCode::InvalidArgument,
                    "an earlier version kept these costs, which do not tell weights from cache",
                    "costs of " + use.text(), "Run the recipe again with settings.library");
    if (other.batch < 1 || other.tokens() < 1 || (context > 0 && other.tokens() > context))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} are asked for; the context holds {}", other.text(), context), "budget");
    ArchitectureCosts costs = *this;
    costs.use = other;
    const auto move = [&](PartCost& cost, int64_t window) {
        const double weights = cost.weightBytes();
        // Whole numbers of bytes for each kept token: the quotient is exact.
        cost.cacheBytes = cost.cacheBytes / double(use.batch * keptTokens(use, window)) *
                          double(other.batch * keptTokens(other, window));
        cost.bytes = weights + cost.cacheBytes;
        cost.promptSeconds = cost.tokenSeconds = 0;
    };
    move(costs.outer, 0);
    for (auto* list : {&costs.layers, &costs.removed})
        for (LayerCosts& layer : *list)
            for (auto* parts : {&layer.attention, &layer.feedForward})
                for (PartCost& part : *parts)
                    move(part, layer.window);
    return costs;
}

Json ArchitectureCosts::json() const {
    Json json{{"batch", use.batch}, {"prompt", use.prompt},     {"generated", use.generated},
              {"context", context}, {"outer", partJson(outer)}, {"layers", layersJson(layers)}};
    if (!removed.empty())
        json["removed"] = layersJson(removed);
    return json;
}

Result<ArchitectureCosts> ArchitectureCosts::read(const Json& json, const std::string& where) {
    if (!json.is_object() || !json.contains("outer") || !json.contains("layers") ||
        !json["layers"].is_array() || json["layers"].empty())
        return fail(ErrorCode::InvalidFile, "there are no costs of layers", where);
    ArchitectureCosts costs;
    costs.use = {wholeOf(json, "batch", 1), wholeOf(json, "prompt", 0), wholeOf(json, "generated", 0)};
    costs.context = wholeOf(json, "context", 0);
    VITRINE_TRY(costs.outer, partFrom(json["outer"], where + "/outer"));
    VITRINE_TRY(costs.layers, layersFrom(json["layers"], where + "/layers"));
    if (json.contains("removed")) {
        VITRINE_TRY(costs.removed, layersFrom(json["removed"], where + "/removed"));
    }
    return costs;
}

ArchitectureProblem architectureProblem(std::vector<std::vector<double>> scores,
                                        const ArchitectureCosts& costs, const ArchitectureLimits& limits) {
    ArchitectureProblem problem;
    problem.scores = std::move(scores);
    const auto add = [&](const char* name, double PartCost::*what, double limit) {
        if (limit > 0)
            problem.budgets.push_back(
                {name, costs.pairs(what), limit - costs.outer.*what, costs.outer.*what});
    };
    add("parameters", &PartCost::parameters, limits.parameters);
    add("bytes", &PartCost::bytes, limits.bytes);
    add("seconds of the prompt", &PartCost::promptSeconds, limits.promptSeconds);
    double perToken = 0;  // the tighter of the two
    if (limits.generateSeconds > 0 && costs.use.generated > 0)
        perToken = limits.generateSeconds / double(costs.use.generated);
    if (limits.tokensPerSecond > 0) {
        const double wanted = double(costs.use.batch) / limits.tokensPerSecond;
        perToken = perToken > 0 ? std::min(perToken, wanted) : wanted;
    }
    add("seconds of a token", &PartCost::tokenSeconds, perToken);
    return problem;
}

}  // namespace vitrine
