#include "core/puzzle/search_budget.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr double kMib = 1024 * 1024;

constexpr std::array<std::pair<const char*, double SearchBudget::*>, 8> kNumbers{
    {{"parameters", &SearchBudget::parameters},
     {"bytes", &SearchBudget::bytes},
     {"prompt_time", &SearchBudget::promptTime},
     {"speed", &SearchBudget::speed},
     {"memory_mib", &SearchBudget::memoryMib},
     {"prompt_seconds", &SearchBudget::promptSeconds},
     {"generate_seconds", &SearchBudget::generateSeconds},
     {"tokens_per_second", &SearchBudget::tokensPerSecond}}};

constexpr std::array<std::pair<const char*, int64_t SearchBudget::*>, 2> kTokens{
    {{"prompt", &SearchBudget::prompt}, {"generated", &SearchBudget::generated}}};

// The smaller of two limits, of which 0 is none.
double tighter(double a, double b) {
    return a > 0 && b > 0 ? std::min(a, b) : std::max({a, b, 0.0});
}

}  // namespace

SearchBudget SearchBudget::of(const Json& json) {
    SearchBudget budget;
    if (!json.is_object())
        return budget;
    for (const auto& [name, what] : kNumbers)
        if (json.contains(name) && json[name].is_number())
            budget.*what = json[name].get<double>();
    for (const auto& [name, what] : kTokens)
        if (json.contains(name) && json[name].is_number_integer())
            budget.*what = json[name].get<int64_t>();
    if (json.contains("batches") && json["batches"].is_array())
        for (const Json& batch : json["batches"])
            if (batch.is_number_integer())
                budget.batches.push_back(batch.get<int64_t>());
    return budget;
}

Json SearchBudget::json() const {
    Json json = Json::object();
    for (const auto& [name, what] : kNumbers)
        if (this->*what > 0)
            json[name] = this->*what;
    for (const auto& [name, what] : kTokens)
        if (this->*what > 0)
            json[name] = this->*what;
    if (!batches.empty())
        json["batches"] = batches;
    return json;
}

bool SearchBudget::limitsNothing() const {
    return std::none_of(kNumbers.begin(), kNumbers.end(),
                        [this](const auto& entry) { return this->*entry.second > 0; });
}

std::string SearchBudget::name() const {
    if (limitsNothing())
        return {};
    std::vector<std::string> parts;
    for (const auto& [name, what] : kNumbers)
        if (this->*what > 0)
            parts.push_back(fmt::format("{} {:g}", name, this->*what));
    for (const auto& [name, what] : kTokens)
        if (this->*what > 0)
            parts.push_back(fmt::format("{} {}", name, this->*what));
    if (!batches.empty())
        parts.push_back(fmt::format("batches {}", fmt::join(batches, " ")));
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<UseProfile> SearchBudget::uses(const UseProfile& measured) const {
    UseProfile use = measured;
    if (prompt > 0)
        use.prompt = prompt;
    if (generated > 0)
        use.generated = generated;
    std::vector<UseProfile> all;
    for (const int64_t batch : batches) {
        use.batch = batch;
        if (std::find(all.begin(), all.end(), use) == all.end())
            all.push_back(use);
    }
    return all.empty() ? std::vector<UseProfile>{use} : all;
}

Result<ArchitectureLimits> SearchBudget::limits(const ArchitectureCosts& measured) const {
    if ((promptTime > 0 || speed > 0) && !measured.timed())
        return fail(ErrorCode::InvalidArgument, "a budget of time needs times", name(), "Set measure_times");
    const PartCost parent = measured.parent();
    ArchitectureLimits limits;
    limits.parameters = std::max(0.0, parameters) * parent.parameters;
    limits.bytes = tighter(bytes * parent.bytes, memoryMib * kMib);
    limits.promptSeconds = tighter(promptTime * parent.promptSeconds, promptSeconds);
    limits.generateSeconds = std::max(0.0, generateSeconds);
    limits.tokensPerSecond = std::max({0.0, speed * measured.tokensPerSecond(parent), tokensPerSecond});
    return limits;
}

}  // namespace vitrine
