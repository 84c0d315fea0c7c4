// The job kind "claim": measures one claim over its seeds and keeps table and verdict in the project.
#pragma once

#include "core/claims/seed_slots.h"
#include "core/runs/job_kind.h"

namespace vitrine {

// `turn`: where other claims are measured at the same time; without it the claim has all cores.
JobKind claimKind(std::shared_ptr<ClaimTurn> turn = nullptr);
// How many seeds are measured at the same time: `asked`, or for 0 one per core (on a GPU one, since the
// memory may not hold two).
int64_t seedPlaces(int64_t asked, const std::string& device);

}  // namespace vitrine
