// The job kind "train-elastic": Flextron on a language model. Keeps the elastic model, the routers' choice
// for every budget, and each of them cut out as a model of its own.
#pragma once

#include "core/runs/job_kind.h"

namespace vitrine {

JobKind trainElasticKind();

}  // namespace vitrine
