#include "core/claims/claim_experiments.h"

namespace vitrine {

const ClaimExperiment* claimExperiment(const std::string& name) {
    static const std::map<std::string, ClaimExperiment> experiments = {};
    const auto it = experiments.find(name);
    return it == experiments.end() ? nullptr : &it->second;
}

}  // namespace vitrine
