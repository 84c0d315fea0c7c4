#include "core/claims/claim_experiments.h"

#include "core/claims/am_radio_claim.h"
#include "core/claims/c_radio_v4_experiments.h"
#include "core/claims/ckca_claim.h"
#include "core/claims/depth_pruning_claim.h"
#include "core/claims/encoder_compression_claim.h"
#include "core/claims/eora_claim.h"
#include "core/claims/featsharp_claim.h"
#include "core/claims/flextron_claim.h"
#include "core/claims/iee_claim.h"
#include "core/claims/mamba_vision_claim.h"
#include "core/claims/maskllm_claim.h"
#include "core/claims/minitron_claim.h"
#include "core/claims/mode_switch_claim.h"
#include "core/claims/one_shot_pruning_claim.h"
#include "core/claims/phi_s_claim.h"
#include "core/claims/puzzle_claim.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

int64_t scaledSteps(int64_t steps, const ClaimRequest& request) {
    return std::max<int64_t>(1, std::llround(double(steps) * request.scale));
}

int64_t scaledCount(int64_t whole, const ClaimRequest& request) {
    return std::max<int64_t>(1, std::llround(double(whole) * std::clamp(request.scale, 0.1, 1.0)));
}

const ClaimExperiment* claimExperiment(const std::string& name) {
    static const std::map<std::string, ClaimExperiment> experiments = {
        {"phi-s", phiSClaim()},
        {"radio-v2.5", modeSwitchClaim()},
        {"c-radio-v4", cRadioV4Claim()},
        {"mambavision", mambaVisionClaim()},
        {"featsharp", featSharpClaim()},
        {"am-radio", amRadioClaim()},
        {"iee", ieeClaim()},
        {"ckca", ckcaClaim()},
        {"one-shot-pruning", oneShotPruningClaim()},
        {"eora", eoraClaim()},
        {"encoder-compression", encoderCompressionClaim()},
        {"maskllm", maskLlmClaim()},
        {"flextron", flextronClaim()},
        {"minitron", minitronClaim()},
        {"depth-pruning", depthPruningClaim()},
        {"puzzle", puzzleClaim()}};
    const auto it = experiments.find(name);
    return it == experiments.end() ? nullptr : &it->second;
}

}  // namespace vitrine
