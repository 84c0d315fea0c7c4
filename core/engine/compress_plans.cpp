#include "core/engine/compress_plans.h"

#include "core/engine/compress_schema.h"

#include <set>

namespace vitrine {

Result<std::vector<NamedPlan>> compressPlansFrom(const Json& settings, uint64_t seed) {
    std::vector<NamedPlan> plans;
    std::set<std::string> names, controlled;
    const auto add = [&](const std::string& name, const CompressionPlan& plan, bool control) {
        std::string unique = name;
        for (int count = 2; !names.insert(unique).second; ++count)
            unique = fmt::format("{} ({})", name, count);
        plans.push_back({unique, plan, control});
    };
    for (const Json& entry : settings["plans"]) {
        VITRINE_TRY(const auto plan, compressionPlanFrom(entry, seed));
        add(plan.text(), plan, false);
    }
    if (!settings["controls"])
        return plans;
    const auto wanted = plans;
    for (const NamedPlan& one : wanted)
        if (one.plan.prunes() && controlled.insert(one.plan.pattern.text()).second) {
            CompressionPlan control;
            control.prune = PruneMethod::Random;
            control.pattern = one.plan.pattern;
            control.skip = one.plan.skip;
            control.seed = seed;
            add("random control " + control.pattern.text(), control, true);
        }
    return plans;
}

Result<std::vector<VitStructurePlan>> structurePlansFrom(const Json& settings, uint64_t seed) {
    std::vector<VitStructurePlan> plans;
    for (const Json& entry : settings["structures"]) {
        VitStructurePlan plan;
        plan.seed = seed;
        VITRINE_TRY(plan.heads, jsonValueOr<double>(entry, "heads", 1, "structures"));
        VITRINE_TRY(plan.neurons, jsonValueOr<double>(entry, "neurons", 1, "structures"));
        VITRINE_TRY(plan.blocks, jsonValueOr<int64_t>(entry, "blocks", 0, "structures"));
        plans.push_back(plan);
        plan.random = true;
        if (settings["controls"])
            plans.push_back(plan);
    }
    return plans;
}

}  // namespace vitrine
