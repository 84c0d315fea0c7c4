// SAM 2 for pictures (model_type "sam2", also the picture side of "sam2_video"): image encoder, prompt
// encoder and mask decoder under the names of the published Hugging Face checkpoints. The memory that follows
// objects through a video is not part of it.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily sam2Family();

}  // namespace vitrine
