// What the claims board asks the project. Called on a service's thread.
#pragma once

#include "core/runs/project.h"
#include "widgets/runs/claims_board.h"

namespace vitrine {

// Every claim of the catalogue, without anything from a project.
std::vector<ClaimLine> claimsOfCatalogue();
// The same with newest verdicts, what is at work, and what became of the newest run of each.
Result<std::vector<ClaimLine>> claimsOf(const Project& project);

}  // namespace vitrine
