// The error circles of TeacherEngine::errorContours.
#pragma once

#include "core/distill/normalizer.h"
#include "core/engine/teacher_engine.h"

namespace vitrine {

Result<ErrorContours> errorContoursOf(const MomentStatistics& statistics, const NormalizerOptions& options,
                                      int64_t first, int64_t second);

}  // namespace vitrine
