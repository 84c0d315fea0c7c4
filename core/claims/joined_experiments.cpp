#include "core/claims/joined_experiments.h"

#include "core/base/check.h"

namespace vitrine {

ClaimExperiment joinedExperiments(const std::vector<ClaimExperiment>& parts) {
    const auto measure = [parts](const ClaimRequest& request) -> Result<ClaimMeasurement> {
        ClaimMeasurement joined;
        for (const ClaimExperiment& part : parts) {
            VITRINE_TRY(const ClaimMeasurement measured, part.measure(request));
            for (const auto& [arm, metrics] : measured.arms)
                VITRINE_CHECK(joined.arms.emplace(arm, metrics).second,
                              "each experiment of a claim names its arms differently");
        }
        return joined;
    };
    const auto judge = [parts](const ClaimTable& table) {
        std::vector<ClaimCheck> joined;
        for (const ClaimExperiment& part : parts)
            for (ClaimCheck& check : part.judge(table))
                joined.push_back(std::move(check));
        return joined;
    };
    return {measure, judge};
}

}  // namespace vitrine
