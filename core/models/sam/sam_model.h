// Segment Anything (model_type "sam"): image encoder, prompt encoder and mask decoder under the names of the
// published Hugging Face checkpoints.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily samFamily();

}  // namespace vitrine
