// The job kind "extract": features of many pictures as safetensors files with coordinates. A picture whose
// features were extracted before (same content, model and settings) is not computed again.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind extractKind();

}  // namespace vitrine
