// DINOv2, DINOv2 with registers and DINOv3 ViT as models of the workbench.
//
// features are the patch tokens after the final norm, summary is the class token after the final norm. Any
// height and width that are multiples of the patch size are taken. Reference calls: last_hidden_state,
// pooler_output, hidden_states.k, feature_maps.k, and logits where the checkpoint has the linear classifier
// on [class token, mean patch token].
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily dinoFamily();

// The model that `folder.config` describes, with uninitialised parameters (tensor names follow folder.weights
// where those are given, else the plain layout).
Result<std::unique_ptr<Model>> createDino(const ModelFolder& folder);

}  // namespace vitrine
