// The job kind "teacher-statistics": streams pictures through models and keeps the moments of their features
// (spatial, summary, cone), a PHI-S normaliser, spectrum and channel variances of each teacher and adaptor in
// the project. Goes on where it was stopped, to the same numbers.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind teacherStatisticsKind();

}  // namespace vitrine
