// The job kind "compress": prunes, rounds and compensates a language model by each of several plans, beside
// the dense model and a random control, and measures perplexity before and after. Keeps per layer errors,
// masks, and for the best or for all plans a Hugging Face folder with its lineage and the packed weights.
// Goes on between plans.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind compressKind();

}  // namespace vitrine
