#include "core/claims/claim.h"

namespace vitrine {

const std::vector<ClaimInfo>& claimCatalogue() {
    static const std::vector<ClaimInfo> claims = {
        {"phi-s", "PHI-S",
         "Unnormalised squared error favours the loudest teacher; standardising beats whitening; one rotation and one scale "
         "(PHI-S) balances teachers and channels best.",
         "Ranzinger et al. 2024, PHI-S, tables of teacher errors and average ranks",
         "phi-s: fidelity to the quietest teacher at least 1.5 times that of plain MSE, best mean log-fidelity (ties within "
         "0.02), every normalisation above plain MSE, standardisers above whitenings, error variances most even for phi-s and "
         "hadamard-whiten",
         3, 3},
    };
    return claims;
}

}  // namespace vitrine
