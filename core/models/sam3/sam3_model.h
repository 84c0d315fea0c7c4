// SAM 3 for pictures (model_type "sam3", also the picture side of "sam3_video") under the names of the
// published Hugging Face checkpoints: image encoder, and the detector that finds and outlines everything a
// text or example boxes describe. The tracker that follows objects through a video is not part of it.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily sam3Family();

}  // namespace vitrine
