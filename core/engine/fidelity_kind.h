// The job kind "upsampler_fidelity": features that upsamplers make of a small picture, against those that the
// encoder itself gives of the large one.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind upsamplerFidelityKind();
// Its scores (of the artifact fidelity.json, with "milliseconds") as a table for people.
std::string fidelityTable(const Json& scores);

}  // namespace vitrine
