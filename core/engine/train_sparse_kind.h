// The job kind "train-sparse": trains a small classifier of pictures with a part of its weights or channels
// (IEE, RigL, SET, gradual and one-shot magnitude, a random structure), and keeps what became of the
// structure.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind trainSparseKind();

}  // namespace vitrine
