// The job kind "train-incremental": a small classifier of pictures learns data that comes in chunks, from the
// network that the chunks before left, and keeps what it knew (CKCA); or refreshes a sparse network with new
// pictures.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind trainIncrementalKind();

}  // namespace vitrine
