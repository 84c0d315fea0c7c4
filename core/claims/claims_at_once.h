// Several claims measured one after the other, the next one beginning on the cores that the last seeds of the
// one before leave free.
#pragma once

#include "core/base/job_context.h"
#include "core/claims/claim.h"
#include "core/runs/runner.h"

#include <filesystem>

namespace vitrine {

struct ClaimsRequest {
    int64_t seeds = 0;   // of each claim; 0: as many as it asks for
    int64_t atOnce = 0;  // seeds that are measured at the same time; 0: see seedPlaces
    double scale = 1;    // share of the training steps
    std::string device = "cpu";
};

// How each of `claims` ended, in their order. Several seeds at once: the longest claims begin first. A claim
// that was stopped before goes on from its last finished seed. Once one is cancelled no other begins, and
// those that have not begun are cancelled too.
std::vector<Result<RunOutcome>> measureClaims(const std::filesystem::path& project,
                                              const std::vector<ClaimInfo>& claims,
                                              const ClaimsRequest& request, const JobContext& job);

}  // namespace vitrine
