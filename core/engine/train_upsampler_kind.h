// The job kind "train_upsampler": trains FeatSharp or FeatUp for a loaded encoder on pictures of folders
// (core/upsampling).
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind trainUpsamplerKind();

}  // namespace vitrine
