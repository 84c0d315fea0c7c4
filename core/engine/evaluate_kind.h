// The job kind "evaluate": what frozen features of models are good for, measured in one run under one
// protocol: kNN, linear probe and zero-shot classification on classified pictures, segmentation probe on
// labelled pixels, correspondence, and adaptor heads against their teachers, at each of several resolutions.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind evaluateKind();

}  // namespace vitrine
