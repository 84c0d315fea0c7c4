// The job "prune-structures": Minitron's and depth pruning's students of a language model. Ranks the
// teacher's structures, cuts students out of it beside random controls, measures them as cut, distils them
// from the teacher, measures again, and writes tables, the ranking and Hugging Face folders.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind pruneStructuresKind();

}  // namespace vitrine
