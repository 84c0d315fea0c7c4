#include "core/puzzle/architecture_costs.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr std::array<std::pair<const char*, double PartCost::*>, 4> kCosts{
    {{"parameters", &PartCost::parameters},
     {"bytes", &PartCost::bytes},
     {"prompt_seconds", &PartCost::promptSeconds},
     {"token_seconds", &PartCost::tokenSeconds}}};

constexpr std::array<std::pair<const char*, double BudgetShares::*>, 4> kShares{
    {{"parameters", &BudgetShares::parameters},
     {"bytes", &BudgetShares::bytes},
     {"prompt_time", &BudgetShares::promptTime},
     {"speed", &BudgetShares::speed}}};

Json partJson(const PartCost& cost) {
    Json json = Json::object();
    for (const auto& [name, what] : kCosts)
        json[name] = cost.*what;
    return json;
}

Result<PartCost> partFrom(const Json& json, const std::string& where) {
    PartCost cost;
    for (const auto& [name, what] : kCosts) {
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

}  // namespace

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

bool ArchitectureCosts::timed() const {
    return parent().tokenSeconds > 0;
}

Json ArchitectureCosts::json() const {
    Json list = Json::array();
    for (const LayerCosts& layer : layers) {
        Json entry = {{"attention", Json::array()}, {"feed_forward", Json::array()}};
        for (const PartCost& cost : layer.attention)
            entry["attention"].push_back(partJson(cost));
        for (const PartCost& cost : layer.feedForward)
            entry["feed_forward"].push_back(partJson(cost));
        list.push_back(std::move(entry));
    }
    return {
        {"batch", batch}, {"generated", generated}, {"outer", partJson(outer)}, {"layers", std::move(list)}};
}

Result<ArchitectureCosts> ArchitectureCosts::read(const Json& json, const std::string& where) {
    if (!json.is_object() || !json.contains("outer") || !json.contains("layers") ||
        !json["layers"].is_array() || json["layers"].empty())
        return fail(ErrorCode::InvalidFile, "there are no costs of layers", where);
    ArchitectureCosts costs;
    const auto whole = [&](const char* name, int64_t fallback) {
        return json.contains(name) && json[name].is_number_integer() ? json[name].get<int64_t>() : fallback;
    };
    costs.batch = whole("batch", 1);
    costs.generated = whole("generated", 0);
    VITRINE_TRY(costs.outer, partFrom(json["outer"], where + "/outer"));
    for (const Json& layer : json["layers"]) {
        const std::string place = fmt::format("{}/layers/{}", where, costs.layers.size());
        LayerCosts entry;
        VITRINE_TRY(entry.attention, partsFrom(layer, "attention", place));
        VITRINE_TRY(entry.feedForward, partsFrom(layer, "feed_forward", place));
        costs.layers.push_back(std::move(entry));
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
    if (limits.generateSeconds > 0 && costs.generated > 0)
        perToken = limits.generateSeconds / double(costs.generated);
    if (limits.tokensPerSecond > 0) {
        const double wanted = double(costs.batch) / limits.tokensPerSecond;
        perToken = perToken > 0 ? std::min(perToken, wanted) : wanted;
    }
    add("seconds of a token", &PartCost::tokenSeconds, perToken);
    return problem;
}

BudgetShares BudgetShares::of(const Json& json) {
    BudgetShares shares;
    for (const auto& [name, what] : kShares)
        if (json.is_object() && json.contains(name) && json[name].is_number())
            shares.*what = json[name].get<double>();
    return shares;
}

std::string BudgetShares::name() const {
    std::string text;
    for (const auto& [name, what] : kShares)
        if (this->*what > 0)
            text += fmt::format("{}{} {:g}", text.empty() ? "" : ", ", name, this->*what);
    return text;
}

Result<ArchitectureLimits> BudgetShares::limits(const ArchitectureCosts& costs) const {
    if ((promptTime > 0 || speed > 0) && !costs.timed())
        return fail(ErrorCode::InvalidArgument, "a budget of time needs times", name(), "Set measure_times");
    const PartCost parent = costs.parent();
    ArchitectureLimits limits;
    limits.parameters = std::max(0.0, parameters) * parent.parameters;
    limits.bytes = std::max(0.0, bytes) * parent.bytes;
    limits.promptSeconds = std::max(0.0, promptTime) * parent.promptSeconds;
    if (speed > 0)
        limits.tokensPerSecond = speed * double(costs.batch) / parent.tokenSeconds;
    return limits;
}

}  // namespace vitrine
