#include "core/claims/claim.h"

#include "core/base/nearest.h"
#include "core/commands/text_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <thread>

namespace vitrine {

double estimatedMinutes(std::span<const ClaimInfo> claims) {
    std::vector<double> cores(std::max(1u, std::thread::hardware_concurrency()), 0.0);
    for (const ClaimInfo& info : claims)
        for (int64_t seed = 0; seed < info.seedCount; ++seed)
            *std::min_element(cores.begin(), cores.end()) += info.minutesPerSeed;
    return *std::max_element(cores.begin(), cores.end());
}

Json ClaimMeasurement::toJson() const {
    Json json{{"seed", seed}, {"arms", Json::object()}};
    for (const auto& [arm, metrics] : arms)
        for (const auto& [metric, value] : metrics)
            json["arms"][arm][metric] = std::isfinite(value) ? Json(value) : Json(nullptr);
    return json;
}

ClaimMeasurement ClaimMeasurement::fromJson(const Json& json) {
    ClaimMeasurement measurement;
    measurement.seed = json.at("seed");
    for (const auto& [arm, metrics] : json.at("arms").items())
        for (const auto& [metric, value] : metrics.items())
            measurement.arms[arm][metric] =
                value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
    return measurement;
}

std::vector<double> ClaimTable::values(const std::string& arm, const std::string& metric) const {
    std::vector<double> found;
    for (const ClaimMeasurement& measurement : measurements_) {
        const auto metrics = measurement.arms.find(arm);
        const bool known = metrics != measurement.arms.end() && metrics->second.contains(metric);
        found.push_back(known ? metrics->second.at(metric) : std::numeric_limits<double>::quiet_NaN());
    }
    return found;
}

double ClaimTable::mean(const std::string& arm, const std::string& metric) const {
    const std::vector<double> found = values(arm, metric);
    return std::accumulate(found.begin(), found.end(), 0.0) / double(found.size());
}

double ClaimTable::deviation(const std::string& arm, const std::string& metric) const {
    const std::vector<double> found = values(arm, metric);
    if (found.size() < 2)
        return 0;
    const double centre = mean(arm, metric);
    double sum = 0;
    for (const double value : found)
        sum += (value - centre) * (value - centre);
    return std::sqrt(sum / double(found.size() - 1));
}

std::vector<std::string> ClaimTable::arms() const {
    std::set<std::string> names;
    for (const ClaimMeasurement& measurement : measurements_)
        for (const auto& [arm, metrics] : measurement.arms)
            names.insert(arm);
    return {names.begin(), names.end()};
}

std::vector<std::string> ClaimTable::metrics() const {
    std::set<std::string> names;
    for (const ClaimMeasurement& measurement : measurements_)
        for (const auto& [arm, metrics] : measurement.arms)
            for (const auto& [metric, value] : metrics)
                names.insert(metric);
    return {names.begin(), names.end()};
}

std::string ClaimTable::text() const {
    TextTable table;
    table.header = {"metric"};
    table.rightAligned = {false};
    const std::vector<std::string> columns = arms();
    for (const std::string& arm : columns) {
        table.header.push_back(arm);
        table.rightAligned.push_back(true);
    }
    for (const std::string& metric : metrics()) {
        std::vector<std::string> row{metric};
        for (const std::string& arm : columns) {
            const double centre = mean(arm, metric);
            row.push_back(
                std::isnan(centre) ? "-" : fmt::format("{:.4g} ± {:.2g}", centre, deviation(arm, metric)));
        }
        table.rows.push_back(std::move(row));
    }
    return table.text();
}

std::string ClaimTable::csv() const {
    std::string csv = "arm,metric,seed,value\n";
    for (const ClaimMeasurement& measurement : measurements_)
        for (const auto& [arm, metrics] : measurement.arms)
            for (const auto& [metric, value] : metrics)
                csv += fmt::format("\"{}\",\"{}\",{},{:.9g}\n", arm, metric, measurement.seed, value);
    return csv;
}

Json ClaimCheck::toJson() const {
    return {{"rule", rule},
            {"measured", std::isfinite(measured) ? Json(measured) : Json(nullptr)},
            {"relation", atLeast ? ">=" : "<="},
            {"limit", limit},
            {"holds", holds()}};
}

ClaimCheck atLeast(std::string rule, double measured, double limit) {
    return {std::move(rule), measured, limit, true};
}

ClaimCheck atMost(std::string rule, double measured, double limit) {
    return {std::move(rule), measured, limit, false};
}

bool allHold(std::span<const ClaimCheck> checks) {
    for (const ClaimCheck& check : checks)
        if (!check.holds())
            return false;
    return !checks.empty();
}

Result<ClaimInfo> findClaim(const std::string& name) {
    std::vector<std::string> names;
    for (const ClaimInfo& info : claimCatalogue()) {
        if (info.name == name)
            return info;
        names.push_back(info.name);
    }
    const auto nearest = nearestName(name, names);
    return fail(
        ErrorCode::NotFound, fmt::format("there is no claim \"{}\"", name), {},
        nearest ? fmt::format("Did you mean \"{}\"?", *nearest) : "`vitrine claims list` names them all");
}

}  // namespace vitrine
