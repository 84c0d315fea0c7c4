// The job kind "inspect": encodes pictures with the given models and keeps maps, statistics and a report in
// the project.
#pragma once

#include "core/engine/inspect_engine.h"
#include "core/runs/job_kind.h"

namespace vitrine {

// The engine is made when the job starts.
JobKind inspectKind(std::unique_ptr<InspectEngine> (*createEngine)());

}  // namespace vitrine
