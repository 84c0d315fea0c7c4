// The job kind "token_merging": how much of an encoder's final features fewer, merged tokens still say,
// beside average pooling and tokens kept by chance at the same number (RADIOv2.5's token compression).
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind tokenMergingKind();
// Its scores (of the artifact merging.json, with "milliseconds") as a table for people.
std::string mergingTable(const Json& scores);

}  // namespace vitrine
