// The image encoder of SAM 3 (model_type "sam3") under the names of the published Hugging Face checkpoints.
// Text prompts, detector and mask head are not part of it.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily sam3Family();

}  // namespace vitrine
