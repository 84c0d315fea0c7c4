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

VitStructurePlan controlOf(VitStructurePlan plan) {
    plan.random = true;
    if (plan.tokens)
        plan.tokens->method = nn::TokenMethod::Random;
    return plan;
}

Result<std::vector<VitStructurePlan>> structurePlansFrom(const Json& settings, uint64_t seed) {
    std::vector<VitStructurePlan> plans;
    std::set<std::string> names;
    for (const Json& entry : settings["structures"]) {
        VitStructurePlan plan;
        plan.seed = seed;
        VITRINE_TRY(plan.heads, jsonValueOr<double>(entry, "heads", 1, "structures"));
        VITRINE_TRY(plan.neurons, jsonValueOr<double>(entry, "neurons", 1, "structures"));
        VITRINE_TRY(plan.blocks, jsonValueOr<int64_t>(entry, "blocks", 0, "structures"));
        VITRINE_TRY(const auto over, jsonValueOr<std::string>(entry, "over", "block", "structures"));
        plan.acrossBlocks = over == "model";
        VITRINE_TRY(plan.padded, jsonValueOr<bool>(entry, "padded", false, "structures"));
        VITRINE_TRY(const auto tokens, jsonValueOr<double>(entry, "tokens", 1, "structures"));
        if (tokens < 1) {
            VITRINE_TRY(const auto method,
                        jsonValueOr<std::string>(entry, "token_method", "merge", "structures"));
            plan.tokens.emplace().kept = tokens;
            plan.tokens->seed = seed;
            VITRINE_TRY(plan.tokens->method, nn::tokenMethodFromName(method));
        }
        if (!names.insert(plan.text()).second)
            return fail(ErrorCode::InvalidArgument, "two entries ask for the same", "settings/structures",
                        plan.text());
        plans.push_back(plan);
        if (settings["controls"] && names.insert(controlOf(plan).text()).second)
            plans.push_back(controlOf(plan));
    }
    return plans;
}

}  // namespace vitrine
