// The job kind "distill": trains a student from several teachers on pictures of folders (core/distill).
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind distillKind();

}  // namespace vitrine
