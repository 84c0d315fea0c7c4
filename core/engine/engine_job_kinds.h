// The kinds of jobs that a recipe can ask for, those of the engine included.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

void addJobKinds(JobKinds& kinds);

}  // namespace vitrine
