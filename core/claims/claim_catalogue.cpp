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
        {"mambavision", "MambaVision",
         "A mixer sees one token ahead and all before, so stacked mixers stay blind to what lies further ahead; attention "
         "behind them restores the whole context.",
         "Hatamizadeh and Kautz 2024, MambaVision, section 3 and the table of hybrid patterns",
         "m mixers: influence from more than m tokens ahead exactly zero, all other above zero; with one attention block none "
         "is zero. Lookup of the point-reflected cell: mixers then attention (MMSS) at least 0.95, at least 0.3 above mixers "
         "alone (MMMM), not more than 0.02 below attention first (SSMM)",
         3, 2},
    };
    return claims;
}

}  // namespace vitrine
