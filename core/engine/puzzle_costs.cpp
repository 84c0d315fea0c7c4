#include "core/engine/puzzle_costs.h"

#include <algorithm>

namespace vitrine {
namespace {

DeploymentProfile profileOf(const UseProfile& use) {
    return {.batch = use.batch, .prompt = use.prompt, .generated = use.generated};
}

void takeTimes(LibraryCosts& costs, const ArchitectureCosts& known) {
    const auto take = [](PartCost& cost, const PartCost& before) {
        cost.promptSeconds = before.promptSeconds;
        cost.tokenSeconds = before.tokenSeconds;
    };
    const auto takeAll = [&](std::vector<LayerCosts>& layers, const std::vector<LayerCosts>& before) {
        for (size_t i = 0; i < layers.size(); ++i) {
            for (size_t j = 0; j < layers[i].attention.size(); ++j)
                take(layers[i].attention[j], before.at(i).attention.at(j));
            for (size_t j = 0; j < layers[i].feedForward.size(); ++j)
                take(layers[i].feedForward[j], before.at(i).feedForward.at(j));
        }
    };
    take(costs.outer, known.outer);
    takeAll(costs.layers, known.layers);
    takeAll(costs.removed, known.removed);
}

Result<std::vector<ArchitectureCosts>> knownCosts(const Json& known) {
    std::vector<ArchitectureCosts> all;
    if (!known.is_object() || !known.contains("costs"))
        return all;
    VITRINE_TRY(ArchitectureCosts measured, ArchitectureCosts::read(known["costs"], "state/costs"));
    all.push_back(std::move(measured));
    const Json others = known.value("other_costs", Json::array());
    for (const Json& each : others) {
        VITRINE_TRY(ArchitectureCosts other, ArchitectureCosts::read(each, "state/other_costs"));
        all.push_back(std::move(other));
    }
    return all;
}

}  // namespace

const LibraryCosts* PuzzleCosts::in(const UseProfile& use) const {
    if (measured.use == use)
        return &measured;
    const auto found =
        std::find_if(others.begin(), others.end(), [&](const LibraryCosts& each) { return each.use == use; });
    return found == others.end() ? nullptr : &*found;
}

Json PuzzleCosts::json() const {
    Json list = Json::array();
    for (const LibraryCosts& each : others)
        list.push_back(each.json());
    return {{"costs", measured.json()}, {"other_costs", std::move(list)}};
}

Result<PuzzleCosts> puzzleCosts(RunContext& run, const PuzzleTrunk& trunk, const BlockLibrary& library,
                                const Json& known) {
    const Json& settings = run.settings();
    const bool timed = settings["measure_times"];
    VITRINE_TRY(const auto before, knownCosts(known));
    const auto reckoned = [&](const DeploymentProfile& profile, bool withTimes) {
        return libraryCosts(*trunk.model, library, profile, withTimes, run.job(), trunk.removed);
    };
    const auto reckon = [&](const DeploymentProfile& profile) -> Result<LibraryCosts> {
        VITRINE_TRY(LibraryCosts costs, reckoned(profile, false));
        for (const ArchitectureCosts& each : before)
            if (each.use.batch == costs.use.batch && each.use.generated == costs.use.generated &&
                (each.use.prompt == costs.use.prompt || each.use.prompt == 0)) {
                takeTimes(costs, each);
                return costs;
            }
        return timed ? reckoned(profile, true) : std::move(costs);
    };
    PuzzleCosts costs;
    VITRINE_TRY(costs.measured, reckon({.batch = settings["profile_batch"],
                                        .prompt = settings["profile_prompt"],
                                        .generated = settings["profile_generated"]}));
    size_t index = 0;
    for (const Json& entry : settings["budgets"]) {
        for (const UseProfile& use : SearchBudget::of(entry).uses(costs.measured.use)) {
            if (costs.in(use))
                continue;
            auto other = reckon(profileOf(use));
            if (!other)
                return fail(other.error().in(fmt::format("settings/budgets/{}", index)));
            costs.others.push_back(std::move(*other));
        }
        ++index;
    }
    return costs;
}

}  // namespace vitrine
