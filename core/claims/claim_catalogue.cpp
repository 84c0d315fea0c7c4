#include "core/claims/claim.h"

namespace vitrine {

const std::vector<ClaimInfo>& claimCatalogue() {
    static const std::vector<ClaimInfo> claims = {};
    return claims;
}

}  // namespace vitrine
