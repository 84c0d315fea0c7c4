// The implementation of TeacherEngine.
#pragma once

#include "core/engine/teacher_engine.h"

namespace vitrine {

std::unique_ptr<TeacherEngine> makeTeacherEngine();

}  // namespace vitrine
