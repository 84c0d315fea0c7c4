#include "core/claims/claim_experiments.h"

#include "core/claims/mamba_vision_claim.h"
#include "core/claims/phi_s_claim.h"

namespace vitrine {

const ClaimExperiment* claimExperiment(const std::string& name) {
    static const std::map<std::string, ClaimExperiment> experiments = {{"phi-s", phiSClaim()}, {"mambavision", mambaVisionClaim()}};
    const auto it = experiments.find(name);
    return it == experiments.end() ? nullptr : &it->second;
}

}  // namespace vitrine
