// The job kind "claim": measures one claim over its seeds and keeps table and verdict in the project.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind claimKind();

}  // namespace vitrine
