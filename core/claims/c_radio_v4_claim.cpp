#include "core/claims/c_radio_v4_experiments.h"
#include "core/claims/joined_experiments.h"

namespace vitrine {

ClaimExperiment cRadioV4Claim() {
    return joinedExperiments(
        {shiftExperiment(), balanceExperiment(), resolutionExperiment(), windowExperiment()});
}

}  // namespace vitrine
