// The job kind "learn-masks": MaskLLM on a language model. Keeps the masks as a file, their history while
// they were learnt, and the pruned model.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind learnMasksKind();

}  // namespace vitrine
