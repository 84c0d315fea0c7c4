// The job kind "evaluate": what frozen features of models are good for, measured in one run under one
// protocol. kNN and linear probe on classified pictures, segmentation probe on labelled pixels, at each of
// several resolutions.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind evaluateKind();

// Rows of the run's evaluation.json as an aligned table for a terminal, the best of each task marked.
std::string evaluationTable(const Json& rows);

}  // namespace vitrine
